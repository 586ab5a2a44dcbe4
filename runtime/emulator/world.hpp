// The state of one cluster of blocks while it runs. Leaves (one file per family) work on it; schedule.cpp
// says who goes on next.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string_view>

#include "runtime/emulator/device/leaves.hpp"
#include "runtime/emulator/fiber.hpp"
#include "runtime/emulator/random.hpp"
#include "runtime/emulator/shadow.hpp"

namespace warpfinch::emulator {

class KernelCopy;
class RunState;
struct World;
struct Cta;
struct Warp;
struct Mbarrier;

// What a thread that does not run waits for.
enum class Wait : uint8_t { none, warp, named_barrier, mbarrier, cluster, registers, gone };

struct Thread : ThreadState {
  World* world = nullptr;
  Cta* cta = nullptr;
  Warp* warp = nullptr;
  int lane = 0;
  uint32_t component = 0;  // of its clock: index among the threads of the cluster
  Knowledge knows;
  SharedElsewhere fenced, received;  // for atomics: known at the last device fence; taken since
  FiberPlace place = nullptr;
  Wait wait = Wait::none;
  uint32_t wait_on = 0;        // address or number of a barrier
  uint32_t wait_for = 0;       // parity, registers
  int polls = 0;               // of test_wait, in vain, in a row
  uint32_t cluster_phase = 0;  // of the cluster barrier at which it arrived last, plus one
  // Groups of bulk copies, and the components of their reads and writes (0: none yet).
  uint32_t copy_groups = 0, copy_read_component = 0, copy_write_component = 0;
  bool open_copies = false;  // issued, not committed
  uint32_t small_copy_groups = 0, small_copy_component = 0;
  bool open_small_copies = false;

  Epoch epoch() const { return knows.happened.at(component); }
};

// What lanes bring to a warp-wide instruction, and take from it.
struct LaneSlot {
  uint32_t value = 0, parameter = 0;
  const void* call = nullptr;
  uint32_t result = 0;
};

// A wgmma of one warp: 16 of the 64 rows.
struct Product {
  ProductCall call;
  std::array<Cell<float>*, 32> d;
  std::array<const Cell<unsigned>*, 32> a;
  uint32_t group;
};

struct Warp {
  World* world = nullptr;
  Cta* cta = nullptr;
  int index = 0;           // in the block
  uint32_t component = 0;  // of its wgmma queue
  std::array<Thread*, 32> lanes{};
  uint32_t runnable = 0, gone = 0;  // masks of lanes
  bool listed = false;              // in World::ready
  // The warp-wide instruction at which lanes gather.
  std::string_view gathering;
  uint32_t gathered = 0, expected = 0;
  int gathering_line = 0;
  std::array<LaneSlot, 32> slots{};
  // wgmma
  std::deque<Product> products;
  uint32_t committed = 0, waited = 0;
  int open_products = 0;
  bool fenced = false;
  uint64_t issued = 0;
  int registers = 0;  // per thread
};

struct NamedBarrier {
  int expected = 0, arrived = 0;
  Knowledge brought;
  std::vector<Warp*> waiting;
  BarOp op = BarOp::sync;  // of those that wait
  uint32_t any = 0, all = 1, count = 0;
  int line = 0;  // of the first that came
};

struct Mbarrier {
  uint32_t address = 0;
  uint32_t count = 0, pending = 0;
  int64_t bytes = 0;  // still expected
  uint32_t phase = 0;
  Knowledge collecting, done;
  uint32_t component = 0;  // of the copies that complete on it; 0: none yet
  uint32_t copies = 0;     // in flight
  int64_t bytes_in_flight = 0;
  uint32_t last_copy_phase = 0;  // 1 + the latest phase that a copy was issued for
  uint32_t init_component = 0;
  Epoch init_epoch = 0;
  bool init_fenced = false;
  int init_line = 0;
  std::vector<Thread*> waiting;
};

// A wgmma as all four warps of a warpgroup must issue it.
struct ProductSignature {
  uint64_t a, b;
  int columns, line;
  ValueType type;
  bool accumulate, registers, negate_a, negate_b, a_transposed, b_transposed;
  bool operator==(const ProductSignature&) const = default;
};

struct Warpgroup {
  std::deque<ProductSignature> sequence;
  uint64_t dropped = 0;  // that all four warps have passed
};

// The latest access of a thread to the shared memory of another block.
struct RemoteAccess {
  Epoch epoch = 0;
  int line = 0;
};

struct Cta {
  World* world = nullptr;
  int rank = 0, block = 0;  // in the cluster, in the grid
  std::vector<std::byte> shared;
  std::unique_ptr<Shadow> shadow;
  std::map<uint32_t, Mbarrier> mbarriers;
  std::array<NamedBarrier, 16> named;
  std::vector<Warpgroup> warpgroups;
  int free_registers = 0;
  std::vector<Warp*> waiting_for_registers;
  std::map<Thread*, RemoteAccess> remote;  // by who made it
};

// An asynchronous copy that was issued. A load lands once; a store reads, then writes.
struct Copy {
  CopyCall call;
  Thread* thread = nullptr;
  Cta* cta = nullptr;
  Mbarrier* barrier = nullptr;
  uint32_t number = 0, group = 0;
  int line = 0;
  int64_t bytes = 0;
  bool has_read = false;
  bool small = false;  // cp.async, or the arrival that follows such copies
  Knowledge known;     // of an arrival: what its thread knew
  std::vector<std::byte> data;
};

// barrier.cluster: all threads that have not left arrive.
struct ClusterBarrier {
  size_t arrived = 0;
  uint32_t phase = 0;
  Knowledge collecting, done;
  std::vector<Thread*> waiting;
};

struct World {
  RunState* run = nullptr;
  const KernelCopy* kernel = nullptr;
  int first_block = 0;
  int block_threads = 0;
  std::vector<Cta> ctas;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  uint32_t components = 0;
  Dice dice{0};
  uint32_t laziness = 0;  // one in so many steps goes to the copy engine; 0: only when nobody can run
  std::vector<Warp*> ready;
  std::list<Copy> copies;  // in flight, in order of issue
  uint32_t copies_issued = 0;
  int64_t products_issued = 0;
  size_t live = 0;  // threads
  ClusterBarrier barrier;
  bool stopped = false;
  FiberPlace scheduler = nullptr;
};

// --- schedule.cpp --------------------------------------------------------------------------------
// Runs the blocks [first, first + ctas) to their end, or to a hazard that ends them.
void run_cluster(RunState& run, const KernelCopy& kernel, const Stacks& stacks, int first_block, int ctas);
// Gives the processor away until somebody calls wake.
void sleep(Thread& thread, Wait wait, uint32_t on = 0, uint32_t for_ = 0);
void wake(Thread& thread);
// Lets others run for a while.
void yield(Thread& thread);
// Ends the cluster; for hazards after which nothing makes sense.
[[noreturn]] void abandon(Thread& thread);

// --- cluster.cpp ---------------------------------------------------------------------------------
// Threads that leave are not waited for.
void complete_cluster_barrier_if_due(World& world);

// --- warp.cpp ------------------------------------------------------------------------------------
// Waits until all lanes of the mask are at the same instruction. True for one of them, which then does the
// work for all and calls disperse.
bool gather(Thread& thread, std::string_view instruction, bool aligned, const LaneSlot& slot,
            uint32_t mask = 0xffffffffu);
void disperse(Thread& thread);

// --- copies.cpp ----------------------------------------------------------------------------------
// Lets one copy take its next step.
void advance_copy(World& world, std::list<Copy>::iterator copy);
// small_copies.cpp
void advance_small_copy(World& world, std::list<Copy>::iterator copy);

// --- knowledge -----------------------------------------------------------------------------------
// What `thread` did so far becomes known to whoever takes from `to`.
void publish(Thread& thread, Knowledge& to);
inline uint32_t new_component(World& world) { return world.components++; }

// --- accesses ------------------------------------------------------------------------------------
Access access_of(const Thread& thread, Side side);
// An address of the shared window: the block it belongs to, and the address there. The top byte is that
// block's rank in its cluster, as on the hardware: so an address has bits that no descriptor has room for.
struct SharedPlace {
  Cta* cta;
  uint32_t address;
};
// What an instruction that reaches the thread's own block alone makes of an address: the address there, for
// one of another block an address outside.
uint32_t own_address(const Thread& thread, uint32_t address);
// Notes that another block's memory is reached, which has to outlive it.
SharedPlace shared_place(Thread& thread, uint32_t address);
// The bytes there; null, with a hazard reported, where they are not all inside.
std::byte* shared_bytes(Thread& thread, const SharedPlace& place, size_t bytes, size_t alignment,
                        std::string_view what);
// Notes an access to shared memory (ranges: offsets from its start) and reports what it clashes with.
void touch_shared(Thread& thread, Cta& cta, std::span<const ByteRange> ranges, const Access& access,
                  std::span<const Knowledge* const> lanes);
void touch_shared(Thread& thread, Cta& cta, uint32_t address, size_t bytes, const Access& access,
                  std::span<const Knowledge* const> lanes);

constexpr uint32_t kSharedBase = 1024, kRankShift = 24, kInBlock = (1u << kRankShift) - 1;

}  // namespace warpfinch::emulator
