// The product for one to eight rows of x, bound by the memory that W lies in: what decoding alone is made of.
//
// A block for each multiprocessor goes from one tile of 16 rows of W to the next; each of its warps has a share of the
// columns and reads it without waiting for the others. Weights are on their way some steps ahead, the first already
// before the kernel that makes x has ended. Tensor cores multiply: A is W, B is x, and which column is which k, and
// what a row of A or a column of B is, is ours to choose. The warps' sums of a few tiles are added up at once.

constexpr int warps = 16, heldTiles = 4;

// Shared memory: sums of the held tiles, the rows of all tiles of the block, scales; then, where an address ends in
// zeros, the table of pairs.
constexpr int rowsPlace = 32 << 10, mostTiles = 104, mapsPlace = rowsPlace + mostTiles * 256,
    partsPlace = mapsPlace + 3072;

extern __shared__ __align__(1024) unsigned char memory[];

// A row of W.
struct Row
{
    const unsigned char* weight;
    int firstBlock; // of its scales
    int part;
};

// Scales of a part.
struct PartScales
{
    const unsigned char* codes;
    const float* values; // one a block, or of 256 blocks where there are codes
    float offset;
};

// A x of the rows, and the warps' shares of what the block computes of it.
constexpr int mostHidden = 4096, mostShares = 32, hiddenBytes = 4 * mostHidden + mostShares * (warps + 1) * 4;

// Row 0 to 15 of a tile: 16 of one part, or 8 gates and the 8 rows they gate.
template <bool Gated> __device__ __forceinline__ WeightRow rowOf(const Linear& linear, int tile, int index)
{
    if (Gated) return {index / 8, tile * 8 + index % 8};
    return rowOfTile<16>(linear, tile, index);
}

// Row `index` of the block's n-th tile.
__device__ __forceinline__ const Row& rowAt(int n, int index)
{
    return ((const Row*)(memory + rowsPlace))[n * 16 + index];
}

__device__ __forceinline__ PartScales& partScales(int part) { return ((PartScales*)(memory + partsPlace))[part]; }

// Weights are read once, so not kept in the first-level cache, where x is.
__device__ __forceinline__ uint4 loadOnce(const unsigned char* from)
{
    uint4 x;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "l"(from));
    return x;
}

// All pairs of numbers that two codes in a byte stand for, 256 bytes apart, in a copy for each lane, so that the
// lookups of a warp never meet in a bank. The table's address ends in 16 zeros, so that the place of a byte's pair is
// made of bytes: the lane's, the code's, and the table's.
__device__ __forceinline__ unsigned tableAddress()
{
    return (sharedAddress(memory) + 65535) & ~65535u;
}

template <int K> __device__ __forceinline__ unsigned pairOf(unsigned codes, unsigned copy)
{
    unsigned place, pair;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(place) : "r"(codes), "r"(copy), "n"(0x7604 | K << 4));
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(pair) : "r"(place));
    return pair;
}

// A step is 64 columns: 128 bytes of a row, by eight lanes. A row of A is one half of a row of W, a column of B the
// same half of a row of x, and of their products those count whose halves are the same.
template <int Groups> struct DenseSteps
{
    static const int columns = 64, ahead = 4 / Groups, places = partsPlace + 128; // what of shared memory it uses

    const unsigned char* rows[4];
    const bf16* input[Groups];
    bool takes[Groups];
    uint4 w[ahead][4], v[ahead][Groups];
    float c[Groups][2][4];

    __device__ __forceinline__ void begin(const Linear& linear, const Matrix& x)
    {
        int group = threadIdx.x % 32 / 4, quarter = threadIdx.x % 4;
#pragma unroll
        for (int q = 0; q < Groups; q++)
        {
            int row = q * 4 + group / 2;
            takes[q] = row < x.rows;
            input[q] = at(x, takes[q] ? row : 0, group % 2 * 32 + quarter * 8);
#pragma unroll
            for (int i = 0; i < ahead; i++) v[i][q] = make_uint4(0, 0, 0, 0);
        }
    }

    __device__ __forceinline__ void open(int n)
    {
#pragma unroll
        for (int i = 0; i < 4; i++) rows[i] = rowAt(n, i * 4 + threadIdx.x % 32 / 8).weight + threadIdx.x % 8 * 16;
    }

    __device__ __forceinline__ void clear()
    {
#pragma unroll
        for (int q = 0; q < Groups; q++)
#pragma unroll
            for (int i = 0; i < 8; i++) c[q][i / 4][i % 4] = 0;
    }

    __device__ __forceinline__ void load(int i, int step)
    {
#pragma unroll
        for (int j = 0; j < 4; j++) w[i][j] = loadOnce(rows[j] + step * 128);
    }

    __device__ __forceinline__ void loadInput(int i, int step)
    {
#pragma unroll
        for (int q = 0; q < Groups; q++)
            if (takes[q]) v[i][q] = *(const uint4*)(input[q] + step * 64);
    }

    __device__ __forceinline__ void compute(int i, int step)
    {
#pragma unroll
        for (int q = 0; q < Groups; q++)
#pragma unroll
            for (int p = 0; p < 2; p++)
            {
                const uint4 &low = w[i][2 * p], &high = w[i][2 * p + 1];
                multiplyAdd(c[q][p], low.x, high.x, low.y, high.y, v[i][q].x, v[i][q].y);
                multiplyAdd(c[q][p], low.z, high.z, low.w, high.w, v[i][q].z, v[i][q].w);
            }
    }

    __device__ __forceinline__ void store(float* sums) const
    {
        int group = threadIdx.x % 32 / 4, quarter = threadIdx.x % 4;
#pragma unroll
        for (int q = 0; q < Groups; q++)
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                float half = group % 2 ? c[q][j / 2][j % 2 * 2 + 1] : c[q][j / 2][j % 2 * 2];
                half += __shfl_xor_sync(0xffffffffu, half, 4);
                if (group % 2 == 0) sums[(j * 4 + group / 2) * Groups * 4 + q * 4 + quarter] = half;
            }
    }

    __device__ __forceinline__ static void fillTable(const Linear&) {}
};

// A step is 128 columns, of which a lane has 32 codes of two rows. They become bfloat16 by a table of all pairs that
// two codes in a byte stand for. Scales are applied in float32 to sums over a block: the columns of B are the two
// halves of four rows x, each zero in the other half.
template <int Groups> struct FourBitSteps
{
    static const int columns = 128, ahead = 4, places = 128 << 10;

    const unsigned char *low, *high, *scaleCodes;
    const float* scaleValues;
    int firstBlock, shift;
    unsigned copy; // the table's, for the lane
    const bf16* input[Groups];
    bool takes[Groups], isNested;
    uint4 a[ahead], b[ahead];
    float scaleValue[ahead];
    unsigned scaleCode[ahead];
    int scalePart[ahead];
    uint4 v[Groups][4];
    float total[Groups][2];
    int part;

    __device__ __forceinline__ void begin(const Linear& linear, const Matrix& x)
    {
        int group = threadIdx.x % 32 / 4, quarter = threadIdx.x % 4;
        isNested = linear.parts[0].scales.values == nullptr;
        shift = linear.parts[0].scales.shift;
        copy = tableAddress() + threadIdx.x % 32 * 4;
#pragma unroll
        for (int q = 0; q < Groups; q++)
        {
            int row = q * 4 + group / 2;
            takes[q] = group % 2 == quarter / 2 && row < x.rows;
            input[q] = at(x, takes[q] ? row : 0, quarter * 32);
#pragma unroll
            for (int j = 0; j < 4; j++) v[q][j] = make_uint4(0, 0, 0, 0);
        }
    }

    __device__ __forceinline__ void open(int n)
    {
        int group = threadIdx.x % 32 / 4, quarter = threadIdx.x % 4;
        const Row &first = rowAt(n, group), &second = rowAt(n, group + 8);
        low = first.weight + quarter * 16;
        high = second.weight + quarter * 16;
        // Of the four scales of a step, two blocks of two rows, each lane decodes one.
        const Row& mine = quarter < 2 ? first : second;
        const PartScales& scales = partScales(mine.part);
        firstBlock = mine.firstBlock;
        scaleCodes = scales.codes + firstBlock;
        scaleValues = scales.values;
        part = mine.part;
    }

    __device__ __forceinline__ void clear()
    {
#pragma unroll
        for (int q = 0; q < Groups; q++) total[q][0] = total[q][1] = 0;
    }

    __device__ __forceinline__ void load(int i, int step)
    {
        a[i] = loadOnce(low + step * 64);
        b[i] = loadOnce(high + step * 64);
        int block = (step * 128 + threadIdx.x % 2 * 64) >> shift;
        // Nothing is done with them yet, which would wait for them.
        if (isNested) asm volatile("ld.global.nc.u8 %0, [%1];" : "=r"(scaleCode[i]) : "l"(scaleCodes + block));
        asm volatile("ld.global.nc.f32 %0, [%1];" : "=f"(scaleValue[i])
            : "l"(scaleValues + ((firstBlock + block) >> (isNested ? 8 : 0))));
        scalePart[i] = part;
    }

    __device__ __forceinline__ void loadInput(int, int) {}

    __device__ __forceinline__ void compute(int i, int step)
    {
#pragma unroll
        for (int q = 0; q < Groups; q++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                if (takes[q]) v[q][j] = *(const uint4*)(input[q] + step * 128 + j * 8);
        float c[2][Groups][4] = {};
#pragma unroll
        for (int j = 0; j < 4; j++)
        {
            unsigned codes = word(a[i], j), more = word(b[i], j);
            unsigned a0 = pairOf<0>(codes, copy), a1 = pairOf<0>(more, copy),
                a2 = pairOf<1>(codes, copy), a3 = pairOf<1>(more, copy);
            unsigned b0 = pairOf<2>(codes, copy), b1 = pairOf<2>(more, copy),
                b2 = pairOf<3>(codes, copy), b3 = pairOf<3>(more, copy);
#pragma unroll
            for (int q = 0; q < Groups; q++)
            {
                multiplyAdd(c[0][q], a0, a1, a2, a3, v[q][j].x, v[q][j].y);
                multiplyAdd(c[1][q], b0, b1, b2, b3, v[q][j].z, v[q][j].w);
            }
        }
        float scale = scaleValue[i];
        if (isNested)
            scale = __fadd_rn(
                __fmul_rn(((const float*)(memory + mapsPlace))[scalePart[i] * 256 + scaleCode[i]], scale),
                partScales(scalePart[i]).offset);
        float s0 = __shfl_sync(0xffffffffu, scale, 0, 4), s1 = __shfl_sync(0xffffffffu, scale, 1, 4);
        float s2 = __shfl_sync(0xffffffffu, scale, 2, 4), s3 = __shfl_sync(0xffffffffu, scale, 3, 4);
#pragma unroll
        for (int q = 0; q < Groups; q++)
        {
            total[q][0] += s0 * (c[0][q][0] + c[1][q][0]) + s1 * (c[0][q][1] + c[1][q][1]);
            total[q][1] += s2 * (c[0][q][2] + c[1][q][2]) + s3 * (c[0][q][3] + c[1][q][3]);
        }
    }

    __device__ __forceinline__ void store(float* sums) const
    {
        int group = threadIdx.x % 32 / 4, quarter = threadIdx.x % 4;
#pragma unroll
        for (int q = 0; q < Groups; q++)
        {
            sums[group * Groups * 4 + q * 4 + quarter] = total[q][0];
            sums[(group + 8) * Groups * 4 + q * 4 + quarter] = total[q][1];
        }
    }

    __device__ __forceinline__ static void fillTable(const Linear& linear)
    {
        unsigned table = tableAddress();
        for (int i = threadIdx.x; i < 256 * 8; i += blockDim.x)
        {
            unsigned pair = round2(linear.values[i / 8 >> 4], linear.values[i / 8 & 15]);
            asm volatile("st.shared.v4.u32 [%0], {%1, %1, %1, %1};"
                ::"r"(table + i / 8 * 256 + i % 8 * 16), "r"(pair) : "memory");
        }
        for (int i = 0; i < linear.count; i++)
            if (const float* map = linear.parts[i].scales.map)
                if (threadIdx.x < 256) ((float*)(memory + mapsPlace))[i * 256 + threadIdx.x] = map[threadIdx.x];
    }
};

// Adds the shares of the warps in some tiles; a thread for each number. The result is bfloat16, or float32 of such
// numbers.
template <bool Gated, int Width> __device__ __forceinline__ void finish(
    const Linear& linear, const Adapters& adapters, int firstTile, int tiles, const float* sums, const Matrix& x,
    const Matrix& y, int isFloat)
{
    const int height = Gated ? 8 : 16;
    for (int i = threadIdx.x; i < tiles * height * x.rows; i += blockDim.x)
    {
        int row = i % x.rows, index = i / x.rows % height, held = i / x.rows / height,
            tile = firstTile + held * gridDim.x;
        WeightRow w = rowOf<Gated>(linear, tile, index);
        if (w.row >= linear.parts[w.part].rows) continue;
        float total = 0, other = 0;
#pragma unroll
        for (int warp = 0; warp < warps; warp++)
        {
            const float* share = sums + ((held * warps + warp) * 16 + index) * Width + row;
            total += share[0];
            if (Gated) other += share[8 * Width];
        }
        float result = rounded(total + added(linear, adapters, w, row));
        if (Gated)
            result = rounded(result / (1 + __expf(-result)))
                * rounded(other + added(linear, adapters, {1, w.row}, row));
        long long place = row * y.pitch + (Gated ? 0 : linear.parts[w.part].firstRow) + w.row;
        if (isFloat) ((float*)y.data)[place] = result;
        else y.data[place] = round1(result);
    }
}

// What finishing will read of adapters, on its way to the first-level cache.
template <bool Gated> __device__ __forceinline__ void prefetchFactors(
    const Linear& linear, const Adapters& adapters, int firstTile, int tiles, int rows)
{
    if (!adapters.factors) return;
    for (int i = threadIdx.x; i < tiles * 16 * rows; i += blockDim.x)
    {
        long long number = adapters.numbers[i % rows];
        if (number < 0) continue;
        WeightRow w = rowOf<Gated>(linear, firstTile + i / rows / 16 * gridDim.x, i / rows % 16);
        const Factors& factors = adapters.factors[number];
        if (factors.rank[w.part] == 0) continue;
        asm volatile("prefetch.global.L1 [%0];"
            ::"l"(factors.b + (linear.parts[w.part].firstRow + clamped(linear, w)) * factors.pitch));
    }
}

// A x of the adapters of the rows, which the blocks compute for each other: each of them some ranks, each warp its
// columns. A number lies beside the number of its step, so that who waits for it sees when it is there.
struct Hidden
{
    const Adapters& adapters;
    const Matrix& x;
    float* hidden;  // [rows, pitch], in shared memory
    float* shares;  // [mostShares, warps]
    unsigned* done; // [mostShares]: warps that have left their share
    int count, firstColumn, end;
    uint4 ahead; // of the first row of A

    __device__ __forceinline__ Hidden(
        const Adapters& adapters, const Matrix& x, unsigned char* memory, int from, int to)
        : adapters(adapters), x(x), hidden((float*)memory), shares(hidden + mostHidden),
            done((unsigned*)shares + mostShares * warps)
    {
        count = adapters.turned ? x.rows * adapters.pitch : 0;
        firstColumn = from + threadIdx.x % 32 * 8, end = to;
        if (count == 0) return;
        if (threadIdx.x < mostShares) done[threadIdx.x] = 0;
        const bf16* a = blockIdx.x < count ? factorRow(adapters, blockIdx.x, x.columns) : nullptr;
        if (a && firstColumn < end) ahead = *(const uint4*)(a + firstColumn);
    }

    __device__ __forceinline__ void compute()
    {
        for (int place = blockIdx.x, n = 0; place < count; place += gridDim.x, n++)
        {
            const bf16* a = factorRow(adapters, place, x.columns);
            if (!a) continue;
            float sum = 0;
            for (int column = firstColumn; column < end; column += 256)
            {
                Values<8> factor = eight(n == 0 && column == firstColumn ? ahead : *(const uint4*)(a + column));
                Values<8> one = load<8>(at(x, place / adapters.pitch, column));
#pragma unroll
                for (int i = 0; i < 8; i++) sum += factor.v[i] * one.v[i];
            }
            sum = warpSum(sum);
            if (threadIdx.x % 32 != 0) continue;
            ((volatile float*)shares)[n * warps + threadIdx.x / 32] = sum;
            __threadfence();
            if (atomicAdd(done + n, 1) != warps - 1) continue;
            __threadfence();
            sum = 0;
            for (int i = 0; i < warps; i++) sum += ((volatile float*)shares)[n * warps + i];
            u64 turned = (u64)(unsigned)*adapters.turn << 32 | __float_as_uint(rounded(sum));
            asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(adapters.turned + place), "l"(turned) : "memory");
        }
    }

    __device__ __forceinline__ void collect() const
    {
        unsigned turn = count > 0 ? (unsigned)*adapters.turn : 0;
        for (int place = threadIdx.x; place < count; place += blockDim.x)
        {
            if (!factorRow(adapters, place, x.columns)) continue;
            u64 turned;
            do asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];"
                : "=l"(turned) : "l"(adapters.turned + place) : "memory");
            while ((unsigned)(turned >> 32) != turn);
            hidden[place] = __uint_as_float((unsigned)turned);
        }
    }
};

template <typename Steps, bool Gated, int Groups> __device__ __forceinline__ void fewRows(
    const Linear& linear, const Matrix& x, const Matrix& y, int isFloat, const Adapters& adapters, int tiles)
{
    const int ahead = Steps::ahead, width = Groups * 4;
    float* sums = (float*)memory; // [heldTiles, warps, 16, width]
    int warp = threadIdx.x / 32, steps = linear.columns / Steps::columns,
        own = (tiles - blockIdx.x + gridDim.x - 1) / gridDim.x;
    int from = steps * warp / warps, to = steps * (warp + 1) / warps;
    letNextBegin();
    for (int i = threadIdx.x; i < own * 16; i += blockDim.x)
    {
        WeightRow w = rowOf<Gated>(linear, blockIdx.x + i / 16 * gridDim.x, i % 16);
        const LinearPart& part = linear.parts[w.part];
        long long first = clamped(linear, w) * part.pitch;
        ((Row*)(memory + rowsPlace))[i] = {
            (const unsigned char*)part.weight + first * 2 / (Steps::columns / 64) / (Steps::columns / 64),
            (int)(first >> part.scales.shift), w.part};
    }
    if (threadIdx.x < 3)
    {
        const Scales& scales = linear.parts[threadIdx.x].scales;
        partScales(threadIdx.x) = {scales.codes, scales.values ? scales.values : scales.outer, scales.offset};
    }
    __syncthreads();
    Hidden hidden(adapters, x, memory + Steps::places, from * Steps::columns, to * Steps::columns);
    Adapters finishing = adapters;
    if (adapters.turned) finishing.hidden = hidden.hidden;
    Steps work;
    work.begin(linear, x);
    int tile = 0, step = from; // of the next load
    bool isOpen = from < to && own > 0;
    if (isOpen) work.open(tile);
    auto load = [&](int i, bool hasInput)
    {
        if (!isOpen) return;
        work.load(i, step);
        if (hasInput) work.loadInput(i, step);
        if (++step < to) return;
        step = from;
        isOpen = ++tile < own;
        if (isOpen) work.open(tile);
    };
#pragma unroll
    for (int i = 0; i < ahead; i++) load(i, false);
    work.fillTable(linear);
    __syncthreads();
    waitForPrevious();
#pragma unroll
    for (int i = 0; i < ahead; i++)
        if (from < to) work.loadInput(i, from + i % (to - from));
    hidden.compute();

    for (int first = 0; first < own; first += heldTiles)
    {
        int held = min(heldTiles, own - first), items = held * (to - from);
        int now = from, index = 0;
        float* share = sums + warp * 16 * width;
        prefetchFactors<Gated>(linear, adapters, blockIdx.x + first * gridDim.x, held, x.rows);
        work.clear();
        if (from == to)
            for (int i = 0; i < held; i++) work.store(share + i * warps * 16 * width);
        for (int start = 0; start < items; start += ahead)
#pragma unroll
            for (int i = 0; i < ahead; i++)
            {
                if (start + i >= items) break;
                work.compute(i, now);
                load(i, true);
                if (++now < to) continue;
                work.store(share + index++ * warps * 16 * width);
                work.clear();
                now = from;
            }
        if (first == 0) hidden.collect();
        __syncthreads();
        finish<Gated, width>(linear, finishing, blockIdx.x + first * gridDim.x, held, sums, x, y, isFloat);
        __syncthreads();
    }
}

#define FEW_ROWS(Name, Steps, Groups)                                                                                  \
    extern "C" __global__ void __launch_bounds__(512, 1) Name(const __grid_constant__ Linear linear, const Matrix x,   \
        const Matrix y, int isFloat, const Adapters adapters, int tiles)                                               \
    { fewRows<Steps<Groups>, false, Groups>(linear, x, y, isFloat, adapters, tiles); }                          \
    extern "C" __global__ void __launch_bounds__(512, 1) Name##_gated(const __grid_constant__ Linear linear,           \
        const Matrix x, const Matrix y, int isFloat, const Adapters adapters, int tiles)                               \
    { fewRows<Steps<Groups>, true, Groups>(linear, x, y, isFloat, adapters, tiles); }

FEW_ROWS(few_rows_dense_4, DenseSteps, 1)
FEW_ROWS(few_rows_dense_8, DenseSteps, 2)
FEW_ROWS(few_rows_four_bit_4, FourBitSteps, 1)
FEW_ROWS(few_rows_four_bit_8, FourBitSteps, 2)
