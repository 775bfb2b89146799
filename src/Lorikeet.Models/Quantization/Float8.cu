// FP8, E4M3: rows of a matrix with one scale each, code = round(x · 448 / largest), scale = largest / 448, as
// Float8Rows.cs has it bit for bit. One block a row, which is read twice; the second time it comes from a cache.

// Two codes, the first one low; beyond 448 is 448.
__device__ __forceinline__ unsigned short e4m3(float first, float second)
{
    unsigned short both;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(both) : "f"(second), "f"(first));
    return both;
}

template <int W> __device__ __forceinline__ void storeCodes(unsigned char* to, const Values<W>& x, float inverse)
{
    if (W == 8)
    {
        unsigned words[2];
#pragma unroll
        for (int i = 0; i < 2; i++)
        {
            unsigned low = e4m3(x.v[4 * i % W] * inverse, x.v[(4 * i + 1) % W] * inverse);
            unsigned high = e4m3(x.v[(4 * i + 2) % W] * inverse, x.v[(4 * i + 3) % W] * inverse);
            words[i] = low | high << 16;
        }
        *(uint2*)to = make_uint2(words[0], words[1]);
    }
    else
    {
        *to = (unsigned char)e4m3(x.v[0] * inverse, 0);
    }
}

// The largest over the block, the same in every thread. Threads are a multiple of 32, at most 1024.
__device__ __forceinline__ float blockLargest(float x)
{
    __shared__ float parts[32];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
#pragma unroll
    for (int other = 16; other > 0; other /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, other));
    if (lane == 0) parts[warp] = x;
    __syncthreads();
    x = lane < warps ? parts[lane] : 0;
#pragma unroll
    for (int other = 16; other > 0; other /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, other));
    return x;
}

// W elements of a row of bfloat16 or float32, times the scales of their columns where there are any.
template <int W, bool isFloat> __device__ __forceinline__ Values<W> loadScaled(
    const Matrix& x, const float* columnScales, int column)
{
    long long start = blockIdx.x * x.pitch + column;
    Values<W> values = isFloat ? loadFloat<W>((const float*)x.data + start) : load<W>(x.data + start);
    if (columnScales)
    {
        Values<W> scales = loadFloat<W>(columnScales + column);
#pragma unroll
        for (int i = 0; i < W; i++) values.v[i] *= scales.v[i];
    }
    return values;
}

template <int W, bool isFloat> __device__ void quantizeRows(
    const Matrix& x, const float* columnScales, unsigned char* codes, float* scales)
{
    float largest = 1e-30f;
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = loadScaled<W, isFloat>(x, columnScales, column);
#pragma unroll
        for (int i = 0; i < W; i++) largest = fmaxf(largest, fabsf(values.v[i]));
    }
    largest = blockLargest(largest);
    if (threadIdx.x == 0) scales[blockIdx.x] = largest / 448;
    float inverse = 448 / largest;
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
        storeCodes<W>(
            codes + (long long)blockIdx.x * x.columns + column, loadScaled<W, isFloat>(x, columnScales, column),
            inverse);
}

#define QUANTIZE_ROWS(NAME, W, IS_FLOAT)                                                                               \
    extern "C" __global__ void NAME##_##W(                                                                             \
        Matrix x, const float* columnScales, unsigned char* codes, float* scales)                                      \
    { quantizeRows<W, IS_FLOAT>(x, columnScales, codes, scales); }

QUANTIZE_ROWS(quantize_rows_BFloat16, 8, false)
QUANTIZE_ROWS(quantize_rows_BFloat16, 1, false)
QUANTIZE_ROWS(quantize_rows_Float32, 8, true)
QUANTIZE_ROWS(quantize_rows_Float32, 1, true)
