// The product for up to 64 rows of x, by tensor cores: each weight is read once, and each code decoded once.
//
// A block computes 32 · Down rows of W. Of its eight warps, Down share the rows, 32 a warp, and the others divide the
// columns among them; where a matrix has too few rows to occupy the device, the blocks of a cluster divide them
// further. A is W, B is x, eight rows of x at a time. What the next steps need is copied to shared memory while one is
// computed, weights already before the kernel that makes x has ended. Which column is which k is ours to choose, so
// that a lane's share of a row lies side by side. 4-bit codes become bfloat16 by a table of all pairs that two codes in
// a byte stand for; their scales are applied in float32 to sums over 64 columns.

constexpr int threads = 256, warps = 8;

extern __shared__ __align__(1024) unsigned char memory[];

// 16 bytes on their way to shared memory, or zeros.
__device__ __forceinline__ void copyAhead(int to, const void* from, bool isThere)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
        ::"r"(sharedAddress(memory) + to), "l"(from), "r"(isThere ? 16 : 0));
}

__device__ __forceinline__ void endOfCopies() { asm volatile("cp.async.commit_group;"); }

template <int Pending> __device__ __forceinline__ void waitForCopies()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

__device__ __forceinline__ unsigned rankInCluster()
{
    unsigned rank = 0;
#if __CUDA_ARCH__ >= 900
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
#endif
    return rank;
}

__device__ __forceinline__ unsigned blocksOfCluster()
{
    unsigned blocks = 1;
#if __CUDA_ARCH__ >= 900
    asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(blocks));
#endif
    return blocks;
}

__device__ __forceinline__ void waitForCluster()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.release.aligned;\n barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

// A number in the shared memory of a block of the cluster.
__device__ __forceinline__ float loadOf(bool isCluster, unsigned rank, int at)
{
    float x = 0;
    if (!isCluster) return *(const float*)(memory + at);
#if __CUDA_ARCH__ >= 900
    asm volatile("{ .reg .u32 a; mapa.shared::cluster.u32 a, %1, %2; ld.shared::cluster.f32 %0, [a]; }"
        : "=f"(x) : "r"(sharedAddress(memory) + at), "r"(rank) : "memory");
#endif
    return x;
}

template <bool Gated, int Groups, int Down, int Stages> struct Product
{
    static const int across = warps / Down, tileRows = 32 * Down; // warps that divide the columns
    static const int columns = 64 * across; // of a step
    // What is more than the rows need is for banks.
    static const int weightShare = tileRows * 32 + (across > 2 ? 32 : 64), inputShare = Groups * 1024,
        scaleShare = 4 * (tileRows + 4);
    static const int inputPlace = weightShare * across, scalePlace = inputPlace + inputShare * across;
    static const int stageBytes = scalePlace + scaleShare * across,
        tableBytes = sizeof(Pairs) + 3 * 256 * sizeof(float);
    static const int perRow = 2 * across, perInput = 8 * across; // pieces of 16 bytes
    static const int weightPieces = tileRows * perRow / threads,
        inputPieces = (Groups * 8 * perInput + threads - 1) / threads;

    const Linear& linear;
    const Matrix& x;
    int lane, group, quarter, down, own; // the warp's rows and columns
    int tile;
    const unsigned char* weights[weightPieces];
    const bf16* inputs[inputPieces];
    const Scales* scales;
    const float* map;
    long long firstScale;
    StoredScale stored[Stages];
    float total[2][Groups][4];

    __device__ __forceinline__ static WeightRow row(const Linear& linear, int tile, int index)
    {
        // Gates and the rows they gate take turns of 16.
        if (Gated) return {index / 16 % 2, tile * (tileRows / 2) + index / 32 * 16 + index % 16};
        return rowOfTile<tileRows>(linear, tile, index);
    }

    __device__ __forceinline__ Product(const Linear& linear, const Matrix& x, int tile, int from)
        : linear(linear), x(x), tile(tile)
    {
        lane = threadIdx.x % 32, group = lane / 4, quarter = lane % 4;
        down = threadIdx.x / 32 / across, own = threadIdx.x / 32 % across;
#pragma unroll
        for (int i = 0; i < weightPieces; i++)
        {
            WeightRow w = row(linear, tile, (threadIdx.x + i * threads) / perRow);
            weights[i] = (const unsigned char*)linear.parts[w.part].weight
                + (clamped(linear, w) * linear.columns + (long long)from * columns) / 2 + threadIdx.x % perRow * 16;
        }
#pragma unroll
        for (int i = 0; i < inputPieces; i++)
            inputs[i] = at(
                x, min((threadIdx.x + i * threads) / perInput, x.rows - 1),
                from * columns + threadIdx.x % perInput * 8);
        WeightRow w = row(linear, tile, threadIdx.x / across);
        scales = &linear.parts[w.part].scales;
        map = (const float*)(memory + sizeof(Pairs)) + w.part * 256;
        firstScale = clamped(linear, w) * linear.columns + threadIdx.x % across * 64;
#pragma unroll
        for (int i = 0; i < Stages; i++) stored[i] = {0, 0};
#pragma unroll
        for (int m = 0; m < 2; m++)
#pragma unroll
            for (int n = 0; n < Groups; n++)
#pragma unroll
                for (int i = 0; i < 4; i++) total[m][n][i] = 0;
    }

    __device__ __forceinline__ static int stage(int slot) { return tableBytes + slot * stageBytes; }

    __device__ __forceinline__ void copyWeights(int step, int slot)
    {
        int piece = threadIdx.x % perRow, r = threadIdx.x / perRow;
        int to = stage(slot) + piece / 2 * weightShare + r * 32 + piece % 2 * 16;
        bool isThere = step * columns + piece * 32 < linear.columns;
#pragma unroll
        for (int i = 0; i < weightPieces; i++)
        {
            copyAhead(to + i * (threads / perRow) * 32, weights[i], isThere);
            weights[i] += columns / 2;
        }
        // Each thread decodes one scale of a step.
        if (step * columns + threadIdx.x % across * 64 < linear.columns)
            stored[slot] = loadScale(*scales, (firstScale + (long long)step * columns) >> scales->shift);
    }

    __device__ __forceinline__ void copyInput(int step, int slot)
    {
        int piece = threadIdx.x % perInput, r = threadIdx.x / perInput,
            c = piece % 8 ^ r % 2; // rows read together lie in other banks
        int to = stage(slot) + inputPlace + piece / 8 * inputShare + r * 128 + c * 16;
        bool isThere = step * columns + piece * 8 < linear.columns;
#pragma unroll
        for (int i = 0; i < inputPieces; i++)
        {
            if (r + i * (threads / perInput) < min(x.rows, Groups * 8))
                copyAhead(to + i * (threads / perInput) * 128, inputs[i], isThere);
            inputs[i] += columns;
        }
    }

    __device__ __forceinline__ void storeScale(int slot) const
    {
        *(float*)(memory + stage(slot) + scalePlace + threadIdx.x % across * scaleShare + threadIdx.x / across * 4) =
            decode(stored[slot], *scales, map);
    }

    __device__ __forceinline__ uint4 input(int slot, int n, int c) const
    {
        return *(const uint4*)(memory + stage(slot) + inputPlace + own * inputShare + (n * 8 + group) * 128 + c * 16);
    }

    __device__ __forceinline__ void compute(int slot)
    {
        const unsigned* pairs = (const unsigned*)memory;
        const unsigned char* codes = memory + stage(slot) + own * weightShare + (down * 32 + group) * 32 + quarter * 8;
        const float* scale = (const float*)(memory + stage(slot) + scalePlace + own * scaleShare) + down * 32 + group;
        unsigned a[2][4][4];
        float s[2][2];
#pragma unroll
        for (int m = 0; m < 2; m++)
#pragma unroll
            for (int high = 0; high < 2; high++)
            {
                uint2 some = *(const uint2*)(codes + (m * 16 + high * 8) * 32);
                s[m][high] = scale[m * 16 + high * 8];
#pragma unroll
                for (int k = 0; k < 4; k++)
                {
                    a[m][k][high] = lookUp(pairs, k < 2 ? some.x : some.y, k % 2 * 2);
                    a[m][k][high + 2] = lookUp(pairs, k < 2 ? some.x : some.y, k % 2 * 2 + 1);
                }
            }
#pragma unroll
        for (int n = 0; n < Groups; n++)
        {
            uint4 b0 = input(slot, n, (2 * quarter) ^ (group % 2)),
                b1 = input(slot, n, (2 * quarter + 1) ^ (group % 2));
#pragma unroll
            for (int m = 0; m < 2; m++)
            {
                float c[4];
                multiply(c, a[m][0][0], a[m][0][1], a[m][0][2], a[m][0][3], b0.x, b0.y);
                multiplyAdd(c, a[m][1][0], a[m][1][1], a[m][1][2], a[m][1][3], b0.z, b0.w);
                multiplyAdd(c, a[m][2][0], a[m][2][1], a[m][2][2], a[m][2][3], b1.x, b1.y);
                multiplyAdd(c, a[m][3][0], a[m][3][1], a[m][3][2], a[m][3][3], b1.z, b1.w);
#pragma unroll
                for (int i = 0; i < 4; i++) total[m][n][i] += s[m][i / 2] * c[i];
            }
        }
    }

    __device__ __forceinline__ void run(int from, int to)
    {
#pragma unroll
        for (int i = 0; i < Stages - 1; i++)
            if (from + i < to) copyWeights(from + i, i);
        fill(*(Pairs*)memory, linear);
        for (int i = 0; i < linear.count; i++)
            if (const float* map = linear.parts[i].scales.map)
                ((float*)(memory + sizeof(Pairs)))[i * 256 + threadIdx.x] = map[threadIdx.x];
        __syncthreads();
        storeScale(0);
        waitForPrevious();
#pragma unroll
        for (int i = 0; i < Stages - 1; i++)
        {
            if (from + i < to) copyInput(from + i, i);
            endOfCopies();
        }
        for (int start = from; start < to; start += Stages)
#pragma unroll
            for (int slot = 0; slot < Stages; slot++)
            {
                int step = start + slot, next = step + Stages - 1, free = (slot + Stages - 1) % Stages;
                if (step >= to) break;
                waitForCopies<Stages - 2>();
                __syncthreads();
                if (next < to)
                {
                    copyWeights(next, free);
                    copyInput(next, free);
                }
                endOfCopies();
                if (step + 1 < to) storeScale((slot + 1) % Stages);
                compute(slot);
            }
        waitForCopies<0>();
        __syncthreads();
    }

    // Adds the sums of all warps and blocks that divide the columns; a thread for each number of the block's share.
    __device__ __forceinline__ void finish(
        const Adapters& adapters, unsigned rank, unsigned blocks, const Matrix& y, int isFloat) const
    {
        const int height = Gated ? tileRows / 2 : tileRows, lanes = Down * Groups * 32;
        float4* shares = (float4*)memory; // [across, 2, lanes]
#pragma unroll
        for (int m = 0; m < 2; m++)
#pragma unroll
            for (int n = 0; n < Groups; n++)
                shares[(own * 2 + m) * lanes + (down * Groups + n) * 32 + lane] =
                    make_float4(total[m][n][0], total[m][n][1], total[m][n][2], total[m][n][3]);
        if (blocks > 1) waitForCluster();
        else __syncthreads();
        for (int item = rank * threads + threadIdx.x; item < height * x.rows; item += blocks * threads)
        {
            int of = item / height, index = item % height;
            if (Gated) index = index / 16 * 32 + index % 16;
            WeightRow w = row(linear, tile, index);
            if (w.row >= linear.parts[w.part].rows) continue;
            int holder = (index / 32 * Groups + of / 8) * 32 + index % 8 * 4 + of % 8 / 2,
                element = index % 16 / 8 * 2 + of % 2;
            auto sum = [&](int m)
            {
                float total = 0;
                for (unsigned block = 0; block < blocks; block++)
#pragma unroll
                    for (int i = 0; i < across; i++)
                        total += loadOf(blocks > 1, block, (((i * 2 + m) * lanes + holder) * 4 + element) * 4);
                return total;
            };
            float result = rounded(sum(Gated ? 0 : index % 32 / 16) + added(linear, adapters, w, of));
            if (Gated)
                result = rounded(result / (1 + __expf(-result)))
                    * rounded(sum(1) + added(linear, adapters, {1, w.row}, of));
            long long to = of * y.pitch + (Gated ? 0 : linear.parts[w.part].firstRow) + w.row;
            if (isFloat) ((float*)y.data)[to] = result;
            else y.data[to] = round1(result);
        }
        if (blocks > 1) waitForCluster();
    }
};

template <bool Gated, int Groups, int Down, int Stages> __device__ __forceinline__ void product(
    const Linear& linear, const Matrix& x, const Matrix& y, int isFloat, const Adapters& adapters)
{
    typedef Product<Gated, Groups, Down, Stages> Work;
    letNextBegin();
    unsigned rank = rankInCluster(), blocks = blocksOfCluster();
    int steps = (linear.columns + Work::columns - 1) / Work::columns, from = steps * rank / blocks;
    Work work(linear, x, blockIdx.x / blocks, from);
    work.run(from, steps * (rank + 1) / blocks);
    work.finish(adapters, rank, blocks, y, isFloat);
}

// The last number: blocks that a multiprocessor must hold at once.
#define PRODUCT(Groups, Down, Stages, Blocks)                                                                          \
    extern "C" __global__ void __launch_bounds__(256, Blocks) product_##Groups##_##Down(                               \
        const __grid_constant__ Linear linear, const Matrix x, const Matrix y, int isFloat, const Adapters adapters)   \
    { product<false, Groups, Down, Stages>(linear, x, y, isFloat, adapters); }                                         \
    extern "C" __global__ void __launch_bounds__(256, Blocks) product_##Groups##_##Down##_gated(                       \
        const __grid_constant__ Linear linear, const Matrix x, const Matrix y, int isFloat, const Adapters adapters)   \
    { product<true, Groups, Down, Stages>(linear, x, y, isFloat, adapters); }

PRODUCT(1, 1, 4, 2)
PRODUCT(2, 2, 4, 2)
PRODUCT(4, 4, 4, 2)
PRODUCT(8, 2, 4, 1)
PRODUCT(8, 4, 4, 1)
