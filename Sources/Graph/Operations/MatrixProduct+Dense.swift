/// `c[i, j] += sum over p of a[i, p] b[p, j]`, row-major: the one loop behind the meanings of
/// products and convolutions.
///
/// Columns are innermost, so that the compiler turns them into vector instructions; every element
/// sums in order of p.
/// - Parameter sizes: rows of c, columns of c, length of the sums.
func accumulateProduct(
  _ a: ArraySlice<Double>, _ b: ArraySlice<Double>, into c: inout [Double], at offset: Int = 0,
  sizes: (m: Int, n: Int, k: Int)
) {
  let (m, n, k) = sizes
  precondition(a.count >= m * k && b.count >= k * n && c.count - offset >= m * n)
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      c.withUnsafeMutableBufferPointer { c in
        for i in 0..<m {
          let row = UnsafeMutableBufferPointer(rebasing: c[(offset + i * n)..<(offset + i * n + n)])
          for p in 0..<k {
            let factor = a[i * k + p]
            let start = p * n
            for j in 0..<n { row[j] += factor * b[start + j] }
          }
        }
      }
    }
  }
}

/// A batch of matrices as rows x columns, row-major, whichever way each is stored.
func rowMajor(_ values: [Double], rows: Int, columns: Int, transposed: Bool) -> [Double] {
  guard transposed, rows > 0, columns > 0 else { return values }
  return [Double](unsafeUninitializedCapacity: values.count) { result, count in
    for item in stride(from: 0, to: values.count, by: rows * columns) {
      for i in 0..<rows {
        for j in 0..<columns { result[item + i * columns + j] = values[item + j * rows + i] }
      }
    }
    count = values.count
  }
}
