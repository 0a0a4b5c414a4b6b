/// Pictures side by side on white: rows of `columns` cells, each as large as the largest picture.
public struct ImageGrid: Sendable {
  /// The pictures, row by row from the top left.
  public var cells: [Image]
  /// Cells in a row.
  public var columns: Int
  /// Pixels between cells and around them.
  public var gap: Int

  /// - Precondition: `columns` > 0 and `gap` >= 0.
  public init(_ cells: [Image], columns: Int, gap: Int = 4) {
    precondition(columns > 0 && gap >= 0)
    self.cells = cells
    self.columns = columns
    self.gap = gap
  }

  /// The grid as one 8-bit picture; smaller pictures lie at the top left of their cell.
  public func image() -> Image {
    let cellWidth = cells.map(\.width).max() ?? 0
    let cellHeight = cells.map(\.height).max() ?? 0
    let columnCount = max(1, min(columns, cells.count))
    let rowCount = (cells.count + columnCount - 1) / columnCount
    let width = columnCount * (cellWidth + gap) + gap
    let height = rowCount * (cellHeight + gap) + gap
    var rgb = [UInt8](repeating: 255, count: width * height * 3)
    for (index, cell) in cells.enumerated() {
      let left = gap + index % columnCount * (cellWidth + gap)
      let top = gap + index / columnCount * (cellHeight + gap)
      let source = cell.rgb
      for y in 0..<cell.height {
        let from = y * cell.width * 3
        let to = ((top + y) * width + left) * 3
        rgb.replaceSubrange(
          to..<(to + cell.width * 3), with: source[from..<(from + cell.width * 3)])
      }
    }
    return Image(width: width, height: height, rgb: rgb)
  }
}
