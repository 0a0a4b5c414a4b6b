/// Minibatch optimal transport: which sample of a batch gets which noise.
///
///     the permutation p that minimises sum over n of |x0[n] - z[p(n)]|^2
///
/// Straighter paths on average, at a price: noise then depends on the picture, and so on its caption.
/// With SDXL's 65,536 latent numbers random pairs cost only 0.3 to 0.5 % more than the best.
/// - Source: Tong et al. 2023 (arXiv 2302.00482).
public enum TransportPairing {
  /// - Parameters:
  ///   - latents: of each sample
  ///   - noise: as many, white, in the same layout
  /// - Returns: for each sample, which noise it gets
  public static func noise(for latents: [ArraySlice<Float>], among noise: [[Float]]) -> [Int] {
    // The squares of both sides are the same in every permutation.
    assignment(
      costs: latents.map { x in
        noise.map { z in -zip(x, z).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
      })
  }

  /// The permutation of least cost, by the Hungarian method with potentials: O(n^3). Ties go to the
  /// first, so that equal costs give equal results.
  ///
  /// - Parameter costs: square; row n, column m: the cost of giving n what is at m
  /// - Returns: the column of each row
  /// - Source: Kuhn 1955, Munkres 1957, in the form with shortest augmenting paths.
  public static func assignment(costs: [[Double]]) -> [Int] {
    let count = costs.count
    // Index 0 is a row and a column that stand for nothing.
    var rowPotential = [Double](repeating: 0, count: count + 1)
    var columnPotential = rowPotential
    var rowOfColumn = [Int](repeating: 0, count: count + 1)
    for row in 1..<(count + 1) {
      var least = [Double](repeating: .infinity, count: count + 1)
      var previous = [Int](repeating: 0, count: count + 1)
      var isVisited = [Bool](repeating: false, count: count + 1)
      var column = 0
      rowOfColumn[0] = row
      repeat {
        isVisited[column] = true
        let current = rowOfColumn[column]
        var (delta, next) = (Double.infinity, 0)
        for other in 1...count where !isVisited[other] {
          let cost =
            costs[current - 1][other - 1] - rowPotential[current] - columnPotential[other]
          if cost < least[other] { (least[other], previous[other]) = (cost, column) }
          if least[other] < delta { (delta, next) = (least[other], other) }
        }
        for other in 0...count {
          if isVisited[other] {
            rowPotential[rowOfColumn[other]] += delta
            columnPotential[other] -= delta
          } else {
            least[other] -= delta
          }
        }
        column = next
      } while rowOfColumn[column] != 0
      while column != 0 {
        rowOfColumn[column] = rowOfColumn[previous[column]]
        column = previous[column]
      }
    }
    var columns = [Int](repeating: 0, count: count)
    for column in 1..<(count + 1) { columns[rowOfColumn[column] - 1] = column - 1 }
    return columns
  }
}
