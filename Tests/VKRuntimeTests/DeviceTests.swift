import CVulkan
import Testing

@testable import VKRuntime

@Suite struct DeviceTests {
  @Test func parsesSelectors() {
    #expect(DeviceSelector.parse("0") == .index(0))
    #expect(DeviceSelector.parse(" 12 ") == .index(12))
    #expect(DeviceSelector.parse("nvidia") == .name("nvidia"))
    #expect(DeviceSelector.parse("RX 7900 XTX") == .name("RX 7900 XTX"))
    #expect(DeviceSelector.parse("7900x") == .name("7900x"))
    #expect(DeviceSelector.parse("") == .best)
    #expect(DeviceSelector.parse("Auto") == .best)
  }

  @Test func choosesByIndexNameAndPreference() throws {
    let devices = try madeUpDevices()
    #expect(try DeviceSelector.best.choose(from: devices).name == "Big Card")
    #expect(try DeviceSelector.index(1).choose(from: devices).name == "Small Card")
    #expect(try DeviceSelector.name("small").choose(from: devices).index == 1)
    #expect(try DeviceSelector.name("AMD").choose(from: devices).name == "Big Card")
  }

  @Test func prefersAUsableDevice() throws {
    var devices = try madeUpDevices()
    devices[0].missingFeatures = ["shaderInt64"]
    #expect(try DeviceSelector.best.choose(from: devices).name == "Small Card")
    #expect(try DeviceSelector.name("card").choose(from: devices).name == "Small Card")
  }

  @Test(arguments: ["7", "voodoo"])
  func listsWhatIsThereWhenNothingMatches(text: String) throws {
    let devices = try madeUpDevices()
    let error = try #require(throws: VulkanError.self) {
      try DeviceSelector.parse(text).choose(from: devices)
    }
    #expect(error.kind == .noDevice)
    #expect(error.description.contains(text))
    #expect(error.description.contains("0: Big Card (discrete, "))
    #expect(error.description.contains("1: Small Card (integrated, "))
  }

  @Test func saysThatThereIsNone() throws {
    let error = try #require(throws: VulkanError.self) {
      try DeviceSelector.best.choose(from: [])
    }
    #expect(error.description.hasSuffix("there is: none"))
  }

  @Test func namesMissingFeaturesAndTheDevice() throws {
    var devices = try madeUpDevices()
    devices[0].missingFeatures = ["bufferDeviceAddress", "shaderInt64"]
    let error = try #require(throws: VulkanError.self) {
      try DeviceSelector.index(0).choose(from: devices)
    }
    #expect(error.kind == .unsupported)
    #expect(error.description.contains("(Big Card): it lacks bufferDeviceAddress, shaderInt64"))
  }

  @Test func describesTheDevicesOfThisMachine() throws {
    let devices = try Device.available()
    #expect(!devices.isEmpty)
    #expect(devices.map(\.index) == Array(devices.indices))
    #expect(devices.map(\.kind) == devices.map(\.kind).sorted())
    for device in devices {
      #expect(!device.name.isEmpty && !device.driverName.isEmpty)
      #expect(device.apiVersion.hasPrefix("1."))
      #expect(device.pipelineCacheUUID.count == 32)
      #expect(device.limits.maxPushConstantByteCount >= 128)
      #expect(device.limits.sharedMemoryByteCount >= 16_384)
      #expect(device.limits.maxGroupCounts.count == 3)
      #expect(device.limits.maxGroupCounts.allSatisfy { $0 >= 65_535 })
      #expect(device.limits.subgroupSizes.contains(device.limits.subgroupSize))
      #expect(device.limits.deviceByteCount > 0)
    }
  }

  @Test func opensTheFirstDeviceByDefault() throws {
    let device = try sharedDevice.get()
    #expect(device.information.missingFeatures.isEmpty)
    #expect(DeviceFeature.allCases.filter(\.isRequired).allSatisfy(device.features.contains))
    #expect(device.limits.subgroupOperations.contains(.basic))
    try device.waitIdle()
  }

  @Test func reportsALostDeviceWithTheLastSubmission() throws {
    let device = try Device(cacheFolder: nil)
    let stream = try CommandStream(device, name: "backward of step 7")
    try stream.end()
    let timeline = try Timeline(device, name: "steps")
    try timeline.wait(for: timeline.submit([stream]), timeoutSeconds: 60)
    let error = device.failure(VkResult(-4), call: "vkQueueSubmit2", object: "update")
    #expect(error.kind == .deviceLost)
    #expect(
      error.description.hasPrefix("vkQueueSubmit2: VK_ERROR_DEVICE_LOST (update): device "))
    #expect(error.detail.contains("last submission: backward of step 7 (value 1 of steps)"))
  }

  /// Two devices that differ from this machine's in what choice looks at.
  private func madeUpDevices() throws -> [DeviceInformation] {
    var big = try #require(Device.available().first)
    big.index = 0
    (big.name, big.kind, big.vendor, big.driverName) = ("Big Card", .discrete, "AMD", "radv")
    big.missingFeatures = []
    var small = big
    (small.index, small.name, small.kind) = (1, "Small Card", .integrated)
    return [big, small]
  }
}
