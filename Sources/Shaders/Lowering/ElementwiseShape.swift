/// How an elementwise kernel covers `count` elements: the workgroup's size is specialization
/// constant 0, the elements of each invocation constant 1, a workgroup's lanes side by side.
struct ElementwiseShape {
  let constants: [UInt32: UInt32]
  let groups: (x: Int, y: Int, z: Int)

  init(count: Int, device: DeviceTraits) {
    // A CPU runs a group as a loop of one subgroup and pays about 120 ns for each group.
    let lanes = device.isCPU ? device.subgroupSize : 256
    let items = device.isCPU ? 64 : 4
    constants = [0: UInt32(lanes), 1: UInt32(items)]
    groups = foldedGroups((count + lanes * items - 1) / (lanes * items))
  }
}
