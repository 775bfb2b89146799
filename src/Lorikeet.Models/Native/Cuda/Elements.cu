// What every kernel shares: bfloat16 matrices whose rows may lie further apart than they are long, loads and stores of
// W neighbours at once (8, which is 16 bytes, or 1 where shapes are odd), and sums over a block.

typedef unsigned short bf16;
typedef unsigned long long u64;

struct Matrix
{
    bf16* data;
    int rows;
    int columns;
    long long pitch;
};

template <int W> struct Values
{
    float v[W];
};

// The count of W-wide pieces of any matrix of ours fits 32 bits; that of single elements may not.
template <int W> struct IndexType { typedef unsigned type; };
template <> struct IndexType<1> { typedef u64 type; };

struct Place
{
    long long row;
    int column;
};

__device__ __forceinline__ float widen(bf16 bits) { return __uint_as_float((unsigned)bits << 16); }

__device__ __forceinline__ unsigned round2(float low, float high)
{
    unsigned both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

__device__ __forceinline__ bf16 round1(float x) { return (bf16)round2(x, 0); }

__device__ __forceinline__ float rounded(float x) { return widen(round1(x)); }

template <int W> __device__ __forceinline__ Values<W> load(const bf16* from)
{
    Values<W> x;
    if (W == 8)
    {
        uint4 bits = *(const uint4*)from;
        unsigned words[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
        for (int i = 0; i < W; i++)
            x.v[i] = __uint_as_float(i % 2 ? words[i / 2] & 0xffff0000u : words[i / 2] << 16);
    }
    else
    {
        x.v[0] = widen(*from);
    }
    return x;
}

template <int W> __device__ __forceinline__ void store(bf16* to, const Values<W>& x)
{
    if (W == 8)
    {
        unsigned words[4];
#pragma unroll
        for (int i = 0; i < W / 2; i++) words[i] = round2(x.v[2 * i], x.v[(2 * i + 1) % W]);
        *(uint4*)to = make_uint4(words[0], words[1], words[2], words[3]);
    }
    else
    {
        *to = round1(x.v[0]);
    }
}

template <int W> __device__ __forceinline__ Values<W> loadFloat(const float* from)
{
    Values<W> x;
    if (W == 8)
    {
        float4 low = *(const float4*)from, high = *(const float4*)(from + 4);
        float all[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
        for (int i = 0; i < W; i++) x.v[i] = all[i];
    }
    else
    {
        x.v[0] = *from;
    }
    return x;
}

template <int W> __device__ __forceinline__ void storeFloat(float* to, const Values<W>& x)
{
    if (W == 8)
    {
        *(float4*)to = make_float4(x.v[0], x.v[1 % W], x.v[2 % W], x.v[3 % W]);
        *(float4*)(to + 4) = make_float4(x.v[4 % W], x.v[5 % W], x.v[6 % W], x.v[7 % W]);
    }
    else
    {
        *to = x.v[0];
    }
}

__device__ __forceinline__ bf16* at(const Matrix& m, long long row, int column)
{
    return m.data + row * m.pitch + column;
}

// The piece of W columns this thread works on; false past the end.
template <int W> __device__ __forceinline__ bool place(int rows, int columns, Place& found)
{
    typedef typename IndexType<W>::type Index;
    Index pieces = columns / W, index = (Index)blockIdx.x * blockDim.x + threadIdx.x;
    found.row = index / pieces;
    found.column = (int)(index - (Index)found.row * pieces) * W;
    return found.row < rows;
}

__device__ __forceinline__ float warpSum(float x)
{
#pragma unroll
    for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(0xffffffffu, x, lane);
    return x;
}

// Sums over the block, the same in every thread and in every run. Threads are a multiple of 32, at most 1024.
__device__ __forceinline__ float2 blockSum(float2 x)
{
    __shared__ float2 parts[32];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    x = make_float2(warpSum(x.x), warpSum(x.y));
    if (lane == 0) parts[warp] = x;
    __syncthreads();
    x = lane < warps ? parts[lane] : make_float2(0, 0);
    return make_float2(warpSum(x.x), warpSum(x.y));
}

// Weights of norms and biases, which may be float32 where the model keeps them so.
template <int W> __device__ __forceinline__ Values<W> loadWeight(const void* weight, int isFloat, int column)
{
    if (!isFloat) return load<W>((const bf16*)weight + column);
    Values<W> x = loadFloat<W>((const float*)weight + column);
#pragma unroll
    for (int i = 0; i < W; i++) x.v[i] = rounded(x.v[i]);
    return x;
}

// A kernel that is launched as a dependent of the one before it may begin while that one ends. What other kernels wrote
// is there after the first call; after the second, in all blocks of a grid, the next kernel may begin.
__device__ __forceinline__ void waitForPrevious()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ void letNextBegin()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
