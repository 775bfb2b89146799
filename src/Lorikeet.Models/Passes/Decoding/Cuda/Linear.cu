// y = x Wᵀ + bias + adapters: what the kernels for few rows of x and for many share. Up to three matrices share x, and
// their results lie side by side in y. A row of x may have an adapter of its own; A x of it lies ready (project_down).

struct LinearPart
{
    const void* weight; // bfloat16 [rows, pitch], or as many 4-bit codes
    Scales scales;      // of the codes
    const bf16* bias;   // or null
    int rows;
    int firstRow; // where its rows begin in y
    int pitch;    // numbers from one row of weights to the next
};

struct Linear
{
    LinearPart parts[3];
    float values[16]; // what the codes stand for
    int count;
    int columns; // a multiple of 64, of 128 with 4-bit codes
};

// An adapter on all parts; ranks of the parts one after the other.
struct Factors
{
    const bf16* a; // [ranks, columns]
    const bf16* b; // [rows of all parts, pitch], times the scale
    int ranks;
    int pitch;
    int rank[3];
    int firstRank[3];
};

struct Adapters
{
    const Factors* factors;   // by number; null where no row has an adapter
    const long long* numbers; // of the rows; negative for none
    float* hidden;            // A x, [rows, pitch]
    int pitch;
    const long long* turn; // the number of the step
    u64* turned;           // A x beside the number of its step, [rows, pitch], where the product makes it
                           // itself; or null
};

struct WeightRow
{
    int part;
    int row; // may lie past the end
};

// Row of a tile, when each part is divided into tiles of so many rows.
template <int Height> __device__ __forceinline__ WeightRow rowOfTile(const Linear& linear, int tile, int index)
{
    int part = 0;
    for (int tiles; part + 1 < linear.count && tile >= (tiles = (linear.parts[part].rows + Height - 1) / Height);
        part++)
        tile -= tiles;
    return {part, tile * Height + index};
}

__device__ __forceinline__ long long clamped(const Linear& linear, const WeightRow& w)
{
    return min(w.row, linear.parts[w.part].rows - 1);
}

__device__ __forceinline__ Values<8> eight(const uint4& bits)
{
    Values<8> x;
    unsigned words[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
    for (int i = 0; i < 8; i++) x.v[i] = __uint_as_float(i % 2 ? words[i / 2] & 0xffff0000u : words[i / 2] << 16);
    return x;
}

__device__ __forceinline__ unsigned word(const uint4& x, int i)
{
    return i == 0 ? x.x : i == 1 ? x.y : i == 2 ? x.z : x.w;
}

// c = a b, or c += a b; a 16 x 16, b 16 x 8.
__device__ __forceinline__ void multiply(
    float (&c)[4], unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0, unsigned b1)
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %10, %10, %10};"
        : "=f"(c[0]), "=f"(c[1]), "=f"(c[2]), "=f"(c[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1), "f"(0.0f));
}

__device__ __forceinline__ void multiplyAdd(
    float (&c)[4], unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0, unsigned b1)
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

__device__ __forceinline__ unsigned sharedAddress(const void* at)
{
    unsigned address;
    asm("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }" : "=r"(address) : "l"(at));
    return address;
}

// All pairs of numbers that two codes in a byte stand for, in 32 copies, so that the lookups of a warp never meet in a
// bank.
typedef unsigned Pairs[256 * 32];

__device__ __forceinline__ void fill(Pairs& pairs, const Linear& linear)
{
    for (int code = threadIdx.x; code < 256; code += blockDim.x)
    {
        unsigned pair = round2(linear.values[code >> 4], linear.values[code & 15]);
#pragma unroll
        for (int i = 0; i < 8; i++)
            *(uint4*)(pairs + code * 32 + (i + code) % 8 * 4) = make_uint4(pair, pair, pair, pair);
    }
}

// The two numbers that byte k of eight codes stands for.
__device__ __forceinline__ unsigned lookUp(const unsigned* pairs, unsigned codes, int k)
{
    unsigned place = (k == 0 ? codes << 7 : codes >> (8 * k - 7)) & 0x7f80;
    return *(const unsigned*)((const char*)pairs + (place | threadIdx.x % 32 * 4));
}

// What bias and adapter add to an element of y.
__device__ __forceinline__ float added(const Linear& linear, const Adapters& adapters, const WeightRow& w, int row)
{
    const LinearPart& part = linear.parts[w.part];
    float total = part.bias ? widen(part.bias[w.row]) : 0;
    if (!adapters.factors || adapters.numbers[row] < 0) return total;
    const Factors& factors = adapters.factors[adapters.numbers[row]];
    const bf16* b = factors.b + (long long)(part.firstRow + w.row) * factors.pitch;
    const float* hidden = adapters.hidden + (long long)row * adapters.pitch + factors.firstRank[w.part];
    int rank = factors.rank[w.part], i = 0;
    if (factors.pitch % 8 == 0)
        for (; i + 8 <= rank; i += 8)
        {
            Values<8> factor = load<8>(b + i);
#pragma unroll
            for (int j = 0; j < 8; j++) total += factor.v[j] * hidden[i + j];
        }
    for (; i < rank; i++) total += widen(b[i]) * hidden[i];
    return total;
}

// The row of A of a number in [rows, pitch]; null where the row of x has no such rank.
__device__ __forceinline__ const bf16* factorRow(const Adapters& adapters, int place, int columns)
{
    long long number = adapters.numbers[place / adapters.pitch];
    int rank = place % adapters.pitch;
    if (number < 0 || rank >= adapters.factors[number].ranks) return nullptr;
    return adapters.factors[number].a + (long long)rank * columns;
}

// hidden = A x of each row's adapter, rounded to bfloat16: a block for four ranks of a row. A is on its way before x
// is.
extern "C" __global__ void __launch_bounds__(256) project_down(const Matrix x, const Adapters adapters)
{
    letNextBegin();
    int groups = gridDim.x / x.rows, row = blockIdx.x / groups, first = blockIdx.x % groups * 4;
    long long number = adapters.numbers[row];
    const Factors& factors = adapters.factors[max(number, 0ll)];
    int ranks = number < 0 ? 0 : factors.ranks;
    const int ahead = 2;
    float sum[4] = {};
    for (int start = threadIdx.x * 8; start < x.columns && first < ranks; start += ahead * blockDim.x * 8)
    {
        uint4 a[ahead][4], v[ahead];
#pragma unroll
        for (int i = 0; i < ahead; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                int column = start + i * blockDim.x * 8;
                const bf16* from = factors.a + (long long)min(first + j, ranks - 1) * x.columns + column;
                a[i][j] = column < x.columns ? *(const uint4*)from : make_uint4(0, 0, 0, 0);
            }
        if (start == threadIdx.x * 8) waitForPrevious();
#pragma unroll
        for (int i = 0; i < ahead; i++)
        {
            int column = start + i * blockDim.x * 8;
            v[i] = column < x.columns ? *(const uint4*)at(x, row, column) : make_uint4(0, 0, 0, 0);
        }
#pragma unroll
        for (int i = 0; i < ahead; i++)
        {
            Values<8> one = eight(v[i]);
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                Values<8> factor = eight(a[i][j]);
#pragma unroll
                for (int k = 0; k < 8; k++) sum[j] += factor.v[k] * one.v[k];
            }
        }
    }
    waitForPrevious();
    if (first >= ranks) return;
    __shared__ float shares[8][4];
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        sum[i] = warpSum(sum[i]);
        if (threadIdx.x % 32 == 0) shares[threadIdx.x / 32][i] = sum[i];
    }
    __syncthreads();
    int rank = first + threadIdx.x;
    if (threadIdx.x >= 4 || rank >= ranks) return;
    float total = 0;
    for (int i = 0; i < 8; i++) total += shares[i][threadIdx.x];
    adapters.hidden[(long long)row * adapters.pitch + rank] = rounded(total);
}
