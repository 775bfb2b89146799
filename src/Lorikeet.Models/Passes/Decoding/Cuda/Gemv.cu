// y = x Wᵀ + bias + adapters for one to eight rows x, bound by the memory that W lies in: what decoding is made of.
//
// A block of eight warps computes 16 rows of W, each warp a share of the columns, by tensor cores, which take up to
// eight rows x at no cost: A is W, B is x, and which column is which k is ours to choose, so that a lane loads 16 bytes
// of a row at a time. Dense weights go in as they are. 4-bit codes become bfloat16 by a table of all pairs that two
// codes in a byte stand for, one copy a lane, so that lookups never meet in a bank. Their scales are applied in float32
// to sums over a block: the 32 codes of a lane lie in one half of 128, and the columns of B are the two halves of four
// rows x, each zero in the other half.

struct GemvPart
{
    const void* weight; // bfloat16 [rows, columns], or as many 4-bit codes
    Scales scales;      // of the codes
    const bf16* bias;   // or null
    const bf16* factor; // B of the adapter, [rows, factorPitch]
    int rows;
    int firstRow; // where its rows begin in y
    int rank;     // 0: no adapter
    int firstRank;
};

struct Gemv
{
    GemvPart parts[3];
    float values[16]; // what the codes stand for
    const float* loraHidden; // A x of all adapters, [rows of x, loraPitch]
    int count;
    int columns; // a multiple of 32, of 128 with 4-bit codes
    int factorPitch;
    int loraPitch;
};

constexpr int warps = 8, ahead = 4;

struct WeightRow
{
    const GemvPart* part;
    int row; // may lie past the end
};

// Row 0 to 15 of a tile: 16 of one part, or 8 gates and the 8 rows they gate.
template <bool Gated> __device__ __forceinline__ WeightRow rowOf(const Gemv& gemv, int index)
{
    int tile = blockIdx.x;
    if (Gated) return {&gemv.parts[index / 8], tile * 8 + index % 8};
    const GemvPart* part = gemv.parts;
    for (int i = 1; i < gemv.count && tile >= (part->rows + 15) / 16; i++, part++) tile -= (part->rows + 15) / 16;
    return {part, tile * 16 + index};
}

__device__ __forceinline__ long long clamped(const WeightRow& w) { return w.row < w.part->rows ? w.row : w.part->rows - 1; }

// 16 bytes, or zeros. Weights are read once, so not kept in the first-level cache, where x is.
__device__ __forceinline__ uint4 loadOnce(const uint4* from, bool isThere)
{
    uint4 x;
    asm("{ .reg .pred p; setp.ne.u32 p, %5, 0; mov.u32 %0, 0; mov.u32 %1, 0; mov.u32 %2, 0; mov.u32 %3, 0;"
        "@p ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4]; }"
        : "=&r"(x.x), "=&r"(x.y), "=&r"(x.z), "=&r"(x.w) : "l"(from), "r"((unsigned)isThere));
    return x;
}

__device__ __forceinline__ uint4 loadOften(const uint4* from, bool isThere)
{
    uint4 x;
    asm("{ .reg .pred p; setp.ne.u32 p, %5, 0; mov.u32 %0, 0; mov.u32 %1, 0; mov.u32 %2, 0; mov.u32 %3, 0;"
        "@p ld.global.v4.u32 {%0, %1, %2, %3}, [%4]; }"
        : "=&r"(x.x), "=&r"(x.y), "=&r"(x.z), "=&r"(x.w) : "l"(from), "r"((unsigned)isThere));
    return x;
}

__device__ __forceinline__ void multiplyAdd(
    float (&c)[4], unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0, unsigned b1)
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

__device__ __forceinline__ unsigned word(const uint4& x, int i) { return i == 0 ? x.x : i == 1 ? x.y : i == 2 ? x.z : x.w; }

typedef float Sums[16][8]; // a warp's share: rows of W by rows of x

template <bool Gated> __device__ __forceinline__ void sumDense(const Gemv& gemv, const Matrix& x, Sums& sums)
{
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = lane / 4, quarter = lane % 4;
    WeightRow first = rowOf<Gated>(gemv, group), second = rowOf<Gated>(gemv, group + 8);
    const uint4* low = (const uint4*)((const bf16*)first.part->weight + clamped(first) * gemv.columns) + quarter;
    const uint4* high = (const uint4*)((const bf16*)second.part->weight + clamped(second) * gemv.columns) + quarter;
    bool takes = group < x.rows;
    const uint4* input = (const uint4*)at(x, takes ? group : 0, 0) + quarter;
    int steps = gemv.columns / 32;
    float c[4] = {0, 0, 0, 0};
    for (int start = warp; start < steps; start += warps * ahead)
    {
        uint4 a[ahead], b[ahead], v[ahead];
#pragma unroll
        for (int i = 0; i < ahead; i++)
        {
            int step = start + i * warps;
            bool isIn = step < steps;
            a[i] = loadOnce(low + step * 4, isIn);
            b[i] = loadOnce(high + step * 4, isIn);
            v[i] = loadOften(input + step * 4, isIn && takes);
        }
#pragma unroll
        for (int i = 0; i < ahead; i++)
        {
            multiplyAdd(c, a[i].x, b[i].x, a[i].y, b[i].y, v[i].x, v[i].y);
            multiplyAdd(c, a[i].z, b[i].z, a[i].w, b[i].w, v[i].z, v[i].w);
        }
    }
    sums[group][2 * quarter] = c[0];
    sums[group][2 * quarter + 1] = c[1];
    sums[group + 8][2 * quarter] = c[2];
    sums[group + 8][2 * quarter + 1] = c[3];
}

// Rows of x in groups of four. What the next steps need is on its way while the table is filled and others are
// computed.
template <bool Gated, int Groups> struct FourBit
{
    static const int ahead = 2;

    const uint4 *low, *high, *input[Groups];
    bool takes[Groups];
    const Scales* scales;
    long long scaleFirst;
    int steps;
    uint4 a[ahead], b[ahead], v[ahead][Groups][4];
    StoredScale stored[ahead];
    float total[Groups][2];

    __device__ __forceinline__ FourBit(const Gemv& gemv, const Matrix& x)
    {
        int lane = threadIdx.x % 32, group = lane / 4, quarter = lane % 4;
        WeightRow first = rowOf<Gated>(gemv, group), second = rowOf<Gated>(gemv, group + 8);
        low = (const uint4*)((const unsigned char*)first.part->weight + clamped(first) * (gemv.columns / 2)) + quarter;
        high = (const uint4*)((const unsigned char*)second.part->weight + clamped(second) * (gemv.columns / 2)) + quarter;
        // Of the four scales of a step, two blocks of two rows, each lane decodes one.
        scales = quarter < 2 ? &first.part->scales : &second.part->scales;
        scaleFirst = clamped(quarter < 2 ? first : second) * gemv.columns + quarter % 2 * 64;
        steps = gemv.columns / 128;
#pragma unroll
        for (int q = 0; q < Groups; q++)
        {
            int row = q * 4 + group / 2;
            takes[q] = group % 2 == quarter / 2 && row < x.rows;
            input[q] = (const uint4*)at(x, takes[q] ? row : 0, 0) + quarter * 4;
            total[q][0] = total[q][1] = 0;
        }
    }

    __device__ __forceinline__ void load(int start)
    {
#pragma unroll
        for (int i = 0; i < ahead; i++)
        {
            int step = start + i * warps;
            bool isIn = step < steps;
            a[i] = loadOnce(low + step * 4, isIn);
            b[i] = loadOnce(high + step * 4, isIn);
            stored[i] = loadScale(*scales, (scaleFirst + (isIn ? step : 0) * 128) >> scales->shift);
#pragma unroll
            for (int q = 0; q < Groups; q++)
#pragma unroll
                for (int j = 0; j < 4; j++) v[i][q][j] = loadOften(input[q] + step * 16 + j, isIn && takes[q]);
        }
    }

    // The two numbers that byte k of eight codes stands for; pairs are 32 copies of 256.
    __device__ __forceinline__ static unsigned pair(const unsigned* pairs, unsigned codes, int k)
    {
        unsigned place = (k == 0 ? codes << 7 : codes >> (8 * k - 7)) & 0x7f80;
        return *(const unsigned*)((const char*)pairs + (place | threadIdx.x % 32 * 4));
    }

    __device__ __forceinline__ void compute(const unsigned* pairs, const float* map)
    {
#pragma unroll
        for (int i = 0; i < ahead; i++)
        {
            float c[Groups][4] = {};
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                unsigned codes = word(a[i], j), more = word(b[i], j);
#pragma unroll
                for (int k = 0; k < 4; k += 2)
                {
                    unsigned a0 = pair(pairs, codes, k), a2 = pair(pairs, codes, k + 1);
                    unsigned a1 = pair(pairs, more, k), a3 = pair(pairs, more, k + 1);
#pragma unroll
                    for (int q = 0; q < Groups; q++)
                        multiplyAdd(c[q], a0, a1, a2, a3, word(v[i][q][j], k), word(v[i][q][j], k + 1));
                }
            }
            float scale = decode(stored[i], *scales, map);
            float s0 = __shfl_sync(0xffffffffu, scale, 0, 4), s1 = __shfl_sync(0xffffffffu, scale, 1, 4);
            float s2 = __shfl_sync(0xffffffffu, scale, 2, 4), s3 = __shfl_sync(0xffffffffu, scale, 3, 4);
#pragma unroll
            for (int q = 0; q < Groups; q++)
            {
                total[q][0] += s0 * c[q][0] + s1 * c[q][1];
                total[q][1] += s2 * c[q][2] + s3 * c[q][3];
            }
        }
    }

    __device__ __forceinline__ void store(Sums& sums) const
    {
        int lane = threadIdx.x % 32, group = lane / 4, quarter = lane % 4;
#pragma unroll
        for (int q = 0; q < Groups; q++)
        {
            sums[group][q * 4 + quarter] = total[q][0];
            sums[group + 8][q * 4 + quarter] = total[q][1];
        }
    }
};

__device__ __forceinline__ float finished(const Gemv& gemv, const WeightRow& w, const Sums* sums, int index, int row)
{
    float total = 0;
#pragma unroll
    for (int warp = 0; warp < warps; warp++) total += sums[warp][index][row];
    if (w.part->bias) total += widen(w.part->bias[w.row]);
    const bf16* factor = w.part->factor + (long long)w.row * gemv.factorPitch;
    const float* loraHidden = gemv.loraHidden + (long long)row * gemv.loraPitch + w.part->firstRank;
    for (int i = 0; i < w.part->rank; i++) total += widen(factor[i]) * loraHidden[i];
    return rounded(total);
}

// Adds the shares of the warps; a thread for each number of the tile. The result is bfloat16, or float32 of such
// numbers.
template <bool Gated> __device__ void finish(const Gemv& gemv, const Sums* sums, const Matrix& x, const Matrix& y, int isFloat)
{
    __syncthreads();
    int index = threadIdx.x / 8, row = threadIdx.x % 8;
    if (index >= (Gated ? 8 : 16) || row >= x.rows) return;
    WeightRow w = rowOf<Gated>(gemv, index);
    if (w.row >= w.part->rows) return;
    float result = finished(gemv, w, sums, index, row);
    if (Gated) result = rounded(result / (1 + __expf(-result))) * finished(gemv, rowOf<Gated>(gemv, index + 8), sums, index + 8, row);
    long long place = row * y.pitch + (Gated ? 0 : w.part->firstRow) + w.row;
    if (isFloat) ((float*)y.data)[place] = result;
    else y.data[place] = round1(result);
}

template <bool Gated> __device__ void gemvDense(const Gemv& gemv, const Matrix& x, const Matrix& y, int isFloat)
{
    __shared__ Sums sums[warps];
    sumDense<Gated>(gemv, x, sums[threadIdx.x / 32]);
    finish<Gated>(gemv, sums, x, y, isFloat);
}

template <bool Gated, int Groups> __device__ __forceinline__ void gemvFourBit(
    const Gemv& gemv, const Matrix& x, const Matrix& y, int isFloat)
{
    __shared__ Sums sums[warps];
    __shared__ __align__(16) unsigned pairs[256 * 32];
    __shared__ float maps[Gated ? 2 : 1][256];
    FourBit<Gated, Groups> work(gemv, x);
    int warp = threadIdx.x / 32, stride = warps * FourBit<Gated, Groups>::ahead;
    work.load(warp);

#pragma unroll
    for (int i = 0; i < (Gated ? 2 : 1); i++)
        if (const float* map = rowOf<Gated>(gemv, i * 8).part->scales.map) maps[i][threadIdx.x] = map[threadIdx.x];
    unsigned pair = round2(gemv.values[threadIdx.x >> 4], gemv.values[threadIdx.x & 15]);
#pragma unroll
    for (int i = 0; i < 8; i++)
        *(uint4*)(pairs + threadIdx.x * 32 + (i + threadIdx.x) % 8 * 4) = make_uint4(pair, pair, pair, pair);
    __syncthreads();

    const float* map = maps[Gated && threadIdx.x % 4 >= 2];
    for (int start = warp; start < work.steps; start += stride)
    {
        if (start != warp) work.load(start);
        work.compute(pairs, map);
    }
    work.store(sums[warp]);
    finish<Gated>(gemv, sums, x, y, isFloat);
}

// result[row of x] = A x, rounded to bfloat16: one block for each row of A, which are few.
extern "C" __global__ void projectDown(Matrix a, Matrix x, float* result)
{
    for (int row = 0; row < x.rows; row += 2)
    {
        int other = min(row + 1, x.rows - 1);
        float2 sum = make_float2(0, 0);
        for (int column = threadIdx.x * 8; column < a.columns; column += blockDim.x * 8)
        {
            Values<8> factor = load<8>(at(a, blockIdx.x, column));
            Values<8> one = load<8>(at(x, row, column)), two = load<8>(at(x, other, column));
#pragma unroll
            for (int i = 0; i < 8; i++)
            {
                sum.x += factor.v[i] * one.v[i];
                sum.y += factor.v[i] * two.v[i];
            }
        }
        sum = blockSum(sum);
        if (threadIdx.x == 0)
        {
            result[(long long)row * a.rows + blockIdx.x] = rounded(sum.x);
            result[(long long)other * a.rows + blockIdx.x] = rounded(other == row ? sum.x : sum.y);
        }
        __syncthreads();
    }
}

// The last number: blocks that a multiprocessor must hold at once to have enough on its way.
#define GEMV(Name, Call, Blocks)                                                                                       \
    extern "C" __global__ void __launch_bounds__(256, Blocks) Name(                                                    \
        const __grid_constant__ Gemv gemv, const Matrix x, const Matrix y, int isFloat)                                \
    { Call(gemv, x, y, isFloat); }

GEMV(gemv_dense, gemvDense<false>, 3)
GEMV(gemv_dense_gated, gemvDense<true>, 3)
GEMV(gemv_four_bit_4, (gemvFourBit<false, 1>), 3)
GEMV(gemv_four_bit_8, (gemvFourBit<false, 2>), 2)
GEMV(gemv_four_bit_gated_4, (gemvFourBit<true, 1>), 3)
GEMV(gemv_four_bit_gated_8, (gemvFourBit<true, 2>), 2)
