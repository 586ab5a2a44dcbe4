// The emulator's stand-in of templates/sm90/ptx.cuh.
#pragma once

namespace warpfinch {

// --- clusters of blocks --------------------------------------------------------------------------------
WF_DEVICE u32 in_cluster(emulated::ClusterOp op, u32 address = 0, u32 rank = 0) {
  return leaves->cluster(*self, op, address, rank);
}
WF_DEVICE void cluster_arrive() { in_cluster(emulated::ClusterOp::arrive); }
WF_DEVICE void cluster_wait() { in_cluster(emulated::ClusterOp::wait); }
WF_DEVICE u32 cluster_address(u32 address, int rank) {
  return in_cluster(emulated::ClusterOp::map_address, address, static_cast<u32>(rank));
}

// --- mbarriers: 8 bytes of shared memory ---------------------------------------------------------------
WF_DEVICE void mbarrier_init_fence() { leaves->fence(*self, emulated::FenceOp::mbarrier_init); }
WF_DEVICE void mbarrier_arrive_remote(u32 barrier) { mbarrier_arrive(barrier); }
WF_DEVICE void mbarrier_arrive_expect(u32 barrier, int bytes) {
  leaves->mbarrier(*self, emulated::MbarrierOp::arrive_expect, barrier, static_cast<u32>(bytes));
}
WF_DEVICE bool mbarrier_try_wait(u32 barrier, u32 parity) {
  return leaves->mbarrier(*self, emulated::MbarrierOp::try_wait, barrier, parity);
}

// --- the copy engine -----------------------------------------------------------------------------------
template <class... Index>
WF_DEVICE emulated::CopyCall tensor_copy(emulated::CopyOp op, const TensorMap& map, u32 shared, u32 barrier,
                                         Index... at) {
  emulated::CopyCall call{op, &map, nullptr, shared, barrier};
  const int coordinates[] = {at...};
  for (int c : coordinates) call.at[call.rank++] = c;
  return call;
}
template <class... Index>
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Index... at) {
  leaves->copy(*self, tensor_copy(emulated::CopyOp::tensor_load, map, to, barrier, at...));
}
template <class... Index>
WF_DEVICE void tma_store(const TensorMap& map, u32 from, Index... at) {
  leaves->copy(*self, tensor_copy(emulated::CopyOp::tensor_store, map, from, 0u, at...));
}
// Hints to L2 change nothing but time.
template <class... Index>
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, CachePolicy, Index... at) {
  tma_load(to, map, barrier, at...);
}
template <class... Index>
WF_DEVICE void tma_store(const TensorMap& map, u32 from, CachePolicy, Index... at) {
  tma_store(map, from, at...);
}
template <class... Index>
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, Index... at) {
  auto call = tensor_copy(emulated::CopyOp::tensor_load, map, to, barrier, at...);
  call.multicast = to_blocks.blocks;
  leaves->copy(*self, call);
}
template <class... Index>
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, CachePolicy,
                        Index... at) {
  tma_load(to, map, barrier, to_blocks, at...);
}
WF_DEVICE void bulk_commit() { leaves->copy_group(*self, emulated::GroupOp::commit, 0); }
WF_DEVICE void bulk_wait_read() { leaves->copy_group(*self, emulated::GroupOp::wait_read, 0); }
WF_DEVICE void bulk_wait() { leaves->copy_group(*self, emulated::GroupOp::wait, 0); }
WF_DEVICE void proxy_fence() { leaves->fence(*self, emulated::FenceOp::proxy_async); }

// --- warpgroup mma -------------------------------------------------------------------------------------
WF_DEVICE void wgmma_fence() { leaves->product_group(*self, emulated::GroupOp::fence, 0); }
WF_DEVICE void wgmma_commit() { leaves->product_group(*self, emulated::GroupOp::commit, 0); }
template <int Pending>
WF_DEVICE void wgmma_wait() {
  leaves->product_group(*self, emulated::GroupOp::wait, Pending);
}
WF_DEVICE void end_basic_block() {}
template <int Registers>
WF_DEVICE void grow_registers() {
  leaves->registers(*self, Registers, true);
}
template <int Registers>
WF_DEVICE void shrink_registers() {
  leaves->registers(*self, Registers, false);
}

// --- shared memory --------------------------------------------------------------------------------------
constexpr bool kStoresMatrices = true;
WF_DEVICE void st_matrices(u32 address, u32 a, u32 b, u32 c, u32 d) {
  const u32 words[4] = {a, b, c, d};
  leaves->store_matrix(*self, address, words, 4, false);
}
WF_DEVICE void or_remote(u32 address, u32 bits) { or_shared(address, bits); }

}  // namespace warpfinch
