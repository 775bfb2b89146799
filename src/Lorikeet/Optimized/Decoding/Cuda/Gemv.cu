// y = x Wᵀ + bias + adapters for one to eight rows x, bound by the memory that W lies in: what decoding is made of.
//
// A block of eight warps computes 16 rows of W, each warp a share of the columns, by tensor cores, which take up to eight
// rows x at no cost: A is W, B is x, and which column is which k is ours to choose, so that a lane loads 16 bytes of a row
// at a time. Dense weights go in as they are. 4-bit codes become bfloat16 by a table of all pairs that two codes in a byte
// stand for, one copy a lane, so that lookups never meet in a bank. Their scales are applied in float32 to sums over a
// block: the 32 codes of a lane lie in one half of 128, and the columns of B are the two halves of four rows x, each zero
// in the other half.

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
    const float* narrow; // A x of all adapters, [rows of x, narrowPitch]
    int count;
    int columns; // a multiple of 32, of 128 with 4-bit codes
    int factorPitch;
    int narrowPitch;
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

// Read once, so not kept in the first-level cache, where x is.
__device__ __forceinline__ uint4 loadOnce(const uint4* from)
{
    uint4 x;
    asm("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "l"(from));
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

template <bool Gated> __device__ void sumDense(const Gemv& gemv, const Matrix& x, Sums& sums)
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
            a[i] = isIn ? loadOnce(low + step * 4) : make_uint4(0, 0, 0, 0);
            b[i] = isIn ? loadOnce(high + step * 4) : make_uint4(0, 0, 0, 0);
            v[i] = isIn && takes ? input[step * 4] : make_uint4(0, 0, 0, 0);
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

// 256 pairs of bfloat16, 32 copies of each.
__device__ void fillPairs(const Gemv& gemv, unsigned* pairs)
{
    unsigned pair = round2(gemv.values[threadIdx.x >> 4], gemv.values[threadIdx.x & 15]);
#pragma unroll
    for (int i = 0; i < 8; i++)
        *(uint4*)(pairs + threadIdx.x * 32 + (i + threadIdx.x) % 8 * 4) = make_uint4(pair, pair, pair, pair);
}

// Rows of x in groups of four.
template <bool Gated, int Groups> __device__ void sumFourBit(const Gemv& gemv, const Matrix& x, const unsigned* pairs, Sums& sums)
{
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = lane / 4, quarter = lane % 4;
    WeightRow first = rowOf<Gated>(gemv, group), second = rowOf<Gated>(gemv, group + 8);
    const uint4* low = (const uint4*)((const unsigned char*)first.part->weight + clamped(first) * (gemv.columns / 2)) + quarter;
    const uint4* high = (const uint4*)((const unsigned char*)second.part->weight + clamped(second) * (gemv.columns / 2)) + quarter;
    // Of the four scales of a step, two blocks of two rows, each lane decodes one.
    const Scales& scales = quarter < 2 ? first.part->scales : second.part->scales;
    long long scaleFirst = clamped(quarter < 2 ? first : second) * gemv.columns + quarter % 2 * 64;
    bool takes[Groups];
    const uint4* input[Groups];
#pragma unroll
    for (int q = 0; q < Groups; q++)
    {
        int row = q * 4 + group / 2;
        takes[q] = group % 2 == quarter / 2 && row < x.rows;
        input[q] = (const uint4*)at(x, takes[q] ? row : 0, 0) + quarter * 4;
    }
    const char* own = (const char*)(pairs + lane);
    int steps = gemv.columns / 128;
    float total[Groups][2] = {};
    for (int start = warp; start < steps; start += warps * ahead)
    {
        uint4 a[ahead], b[ahead];
        float scale[ahead];
#pragma unroll
        for (int i = 0; i < ahead; i++)
        {
            int step = start + i * warps;
            bool isIn = step < steps;
            a[i] = isIn ? loadOnce(low + step * 4) : make_uint4(0, 0, 0, 0);
            b[i] = isIn ? loadOnce(high + step * 4) : make_uint4(0, 0, 0, 0);
            scale[i] = isIn ? scaleOf(scales, (scaleFirst + step * 128) >> scales.shift) : 0;
        }
#pragma unroll
        for (int i = 0; i < ahead; i++)
        {
            int step = start + i * warps;
            if (step >= steps) break;
            float c[Groups][4] = {};
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                unsigned codes = word(a[i], j), more = word(b[i], j);
                uint4 v[Groups];
#pragma unroll
                for (int q = 0; q < Groups; q++) v[q] = takes[q] ? input[q][step * 16 + j] : make_uint4(0, 0, 0, 0);
#pragma unroll
                for (int k = 0; k < 2; k++)
                {
                    unsigned a0 = *(const unsigned*)(own + ((k ? codes >> 9 : codes << 7) & 0x7f80));
                    unsigned a2 = *(const unsigned*)(own + ((k ? codes >> 17 : codes >> 1) & 0x7f80));
                    unsigned a1 = *(const unsigned*)(own + ((k ? more >> 9 : more << 7) & 0x7f80));
                    unsigned a3 = *(const unsigned*)(own + ((k ? more >> 17 : more >> 1) & 0x7f80));
#pragma unroll
                    for (int q = 0; q < Groups; q++)
                        multiplyAdd(c[q], a0, a1, a2, a3, k ? v[q].z : v[q].x, k ? v[q].w : v[q].y);
                }
            }
            float s0 = __shfl_sync(0xffffffffu, scale[i], 0, 4), s1 = __shfl_sync(0xffffffffu, scale[i], 1, 4);
            float s2 = __shfl_sync(0xffffffffu, scale[i], 2, 4), s3 = __shfl_sync(0xffffffffu, scale[i], 3, 4);
#pragma unroll
            for (int q = 0; q < Groups; q++)
            {
                total[q][0] += s0 * c[q][0] + s1 * c[q][1];
                total[q][1] += s2 * c[q][2] + s3 * c[q][3];
            }
        }
    }
#pragma unroll
    for (int q = 0; q < Groups; q++)
    {
        sums[group][q * 4 + quarter] = total[q][0];
        sums[group + 8][q * 4 + quarter] = total[q][1];
    }
}

__device__ __forceinline__ float finished(const Gemv& gemv, const WeightRow& w, const Sums* sums, int index, int row)
{
    float total = 0;
#pragma unroll
    for (int warp = 0; warp < warps; warp++) total += sums[warp][index][row];
    if (w.part->bias) total += widen(w.part->bias[w.row]);
    const bf16* factor = w.part->factor + (long long)w.row * gemv.factorPitch;
    const float* narrow = gemv.narrow + (long long)row * gemv.narrowPitch + w.part->firstRank;
    for (int i = 0; i < w.part->rank; i++) total += widen(factor[i]) * narrow[i];
    return rounded(total);
}

// Adds the shares of the warps; a thread for each number of the tile. The result is bfloat16, or float32 of such numbers.
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

template <bool Gated, int Groups> __device__ void gemvFourBit(const Gemv& gemv, const Matrix& x, const Matrix& y, int isFloat)
{
    __shared__ Sums sums[warps];
    __shared__ __align__(16) unsigned pairs[256 * 32];
    fillPairs(gemv, pairs);
    __syncthreads();
    sumFourBit<Gated, Groups>(gemv, x, pairs, sums[threadIdx.x / 32]);
    finish<Gated>(gemv, sums, x, y, isFloat);
}

#define GEMV(Name, Call)                                                                                               \
    extern "C" __global__ void __launch_bounds__(256, 2) Name(                                                         \
        const __grid_constant__ Gemv gemv, const Matrix x, const Matrix y, int isFloat)                                \
    { Call(gemv, x, y, isFloat); }

GEMV(gemv_dense, gemvDense<false>)
GEMV(gemv_dense_gated, gemvDense<true>)
GEMV(gemv_four_bit_4, (gemvFourBit<false, 1>))
GEMV(gemv_four_bit_8, (gemvFourBit<false, 2>))
GEMV(gemv_four_bit_gated_4, (gemvFourBit<true, 1>))
GEMV(gemv_four_bit_gated_8, (gemvFourBit<true, 2>))
