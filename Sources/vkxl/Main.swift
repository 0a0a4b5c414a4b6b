@main struct Main { static func main() { print(ConfigurationReference.markdown, terminator: "") } }
