// 4-bit codes to numbers and back, bit for bit as FourBitDequantizer.cs and FourBitQuantizer.cs:
//
//     scale = max |x| of a block;   code = number of thresholds below x / scale;   x ≈ values[code] · scale
//
// Two codes share a byte, the first in the high nibble.

__device__ __forceinline__ float roundHalf(float x)
{
    float result;
    asm("{ .reg .b16 h; cvt.rn.f16.f32 h, %1; cvt.f32.f16 %0, h; }" : "=f"(result) : "f"(x));
    return result;
}

__device__ __forceinline__ unsigned packHalves(float low, float high)
{
    unsigned both;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

enum Type
{
    Float32,
    BFloat16,
    Float16
};

template <int T> __device__ __forceinline__ float roundTo(float x)
{
    return T == BFloat16 ? rounded(x) : T == Float16 ? roundHalf(x) : x;
}

// Eight values rounded to the type they had and then to the wanted one, as 16 or 32 bytes.
template <int Target> __device__ __forceinline__ void storeEight(void* target, long long index, const float* x)
{
    if (Target == Float32)
    {
        float4* to = (float4*)((float*)target + index);
        to[0] = make_float4(x[0], x[1], x[2], x[3]);
        to[1] = make_float4(x[4], x[5], x[6], x[7]);
    }
    else if (Target == BFloat16)
    {
        *(uint4*)((bf16*)target + index) =
            make_uint4(round2(x[0], x[1]), round2(x[2], x[3]), round2(x[4], x[5]), round2(x[6], x[7]));
    }
    else
    {
        *(uint4*)((bf16*)target + index) = make_uint4(
            packHalves(x[0], x[1]), packHalves(x[2], x[3]), packHalves(x[4], x[5]), packHalves(x[6], x[7]));
    }
}

template <int Target> __device__ __forceinline__ void storeOne(void* target, long long index, float x)
{
    if (Target == Float32) ((float*)target)[index] = x;
    else if (Target == BFloat16) ((bf16*)target)[index] = round1(x);
    else ((bf16*)target)[index] = (bf16)packHalves(x, 0);
}

struct Codes
{
    const unsigned char* packed;
    Scales scales;
    float values[16];
    int rows;
    int columns; // a multiple of 8 for the wide kernels
};

// Four words of eight codes a thread, a block's threads side by side, so that loads and stores are coalesced.
template <int Element, int Target> __device__ void dequantizeWide(const Codes& from, void* target, long long pitch)
{
    const int words = 4;
    __shared__ float values[16];
    if (threadIdx.x < 16) values[threadIdx.x] = from.values[threadIdx.x];
    __syncthreads();
    unsigned perRow = from.columns / 8, count = perRow * from.rows;
    unsigned first = blockIdx.x * blockDim.x * words + threadIdx.x;
    unsigned codes[words];
    float scale[words];
#pragma unroll
    for (int w = 0; w < words; w++)
    {
        unsigned word = first + w * blockDim.x;
        if (word >= count) continue;
        codes[w] = ((const unsigned*)from.packed)[word];
        scale[w] = scaleOf(from.scales, ((long long)word * 8) >> from.scales.shift);
    }
#pragma unroll
    for (int w = 0; w < words; w++)
    {
        unsigned word = first + w * blockDim.x;
        if (word >= count) continue;
        float x[8];
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            unsigned code = (codes[w] >> (i % 2 == 0 ? 4 * i + 4 : 4 * i - 4)) & 15;
            x[i] = roundTo<Element>(__fmul_rn(values[code], scale[w]));
        }
        unsigned row = word / perRow;
        storeEight<Target>(target, row * pitch + (word - row * perRow) * 8, x);
    }
}

template <int Element, int Target> __device__ void dequantizeNarrow(const Codes& from, void* target, long long pitch)
{
    long long index = (long long)blockIdx.x * blockDim.x + threadIdx.x, row = index / from.columns;
    if (row >= from.rows) return;
    unsigned code = (from.packed[index / 2] >> (index % 2 == 0 ? 4 : 0)) & 15;
    float value = from.values[0];
#pragma unroll
    for (int i = 1; i < 16; i++)
        if (code == i) value = from.values[i];
    value = roundTo<Element>(__fmul_rn(value, scaleOf(from.scales, index >> from.scales.shift)));
    storeOne<Target>(target, row * pitch + (index - row * from.columns), value);
}

#define DEQUANTIZE(Element, Target)                                                                                    \
    extern "C" __global__ void dequantize_##Element##_##Target##_8(                                           \
        const __grid_constant__ Codes from, void* target, long long pitch)                                             \
    { dequantizeWide<Element, Target>(from, target, pitch); }                                                          \
    extern "C" __global__ void dequantize_##Element##_##Target##_1(                                           \
        const __grid_constant__ Codes from, void* target, long long pitch)                                             \
    { dequantizeNarrow<Element, Target>(from, target, pitch); }

DEQUANTIZE(Float32, Float32)
DEQUANTIZE(Float32, BFloat16)
DEQUANTIZE(Float32, Float16)
DEQUANTIZE(BFloat16, Float32)
DEQUANTIZE(BFloat16, BFloat16)
DEQUANTIZE(BFloat16, Float16)
DEQUANTIZE(Float16, Float32)
DEQUANTIZE(Float16, BFloat16)
DEQUANTIZE(Float16, Float16)

// 1/x with the reference's error where it matters (Quantization/CudaReciprocal.cs), else the rounded quotient.
__device__ __forceinline__ float reciprocal(float x)
{
    float exact = __fdiv_rn(1, x), fast;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(fast) : "f"(x));
    bool normal = fabsf(exact) >= 1.17549435e-38f && fabsf(exact) <= 3.402823466e38f;
    return (__float_as_uint(x) & 8191) == 0 && normal ? fast : exact;
}

__device__ __forceinline__ unsigned encodeNormal(float x, const float* thresholds)
{
    unsigned code = 0;
#pragma unroll
    for (int i = 0; i < 15; i++) code += x > thresholds[i];
    return code;
}

__device__ __forceinline__ unsigned encodeFloat(float x, const float* thresholds)
{
    unsigned rank = 0;
#pragma unroll
    for (int i = 0; i < 7; i++) rank += fabsf(x) > thresholds[i];
    return (((4 - (rank >> 1)) & 3) << 1) | (rank & 1) | (x < 0 ? 8 : 0);
}

struct Thresholds
{
    float normal[15];
    float magnitude[7];
};

template <int T> __device__ __forceinline__ float element(const void* source, long long index)
{
    if (T == Float32) return ((const float*)source)[index];
    bf16 bits = ((const bf16*)source)[index];
    if (T == BFloat16) return widen(bits);
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
}

// A warp quantizes a block of 2^shift values; past the end they count as zero.
template <int T> __device__ void quantize(
    const void* source, long long count, int shift, int isNormal, const Thresholds& thresholds, unsigned char* packed,
    float* scales)
{
    int lane = threadIdx.x % 32, pairs = 1 << (shift - 1);
    long long block = (long long)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, start = block << shift;
    if (start >= count) return;
    float largest = 0;
    for (int i = lane; i < 2 * pairs; i += 32)
        if (start + i < count) largest = fmaxf(largest, fabsf(element<T>(source, start + i)));
#pragma unroll
    for (int other = 16; other > 0; other /= 2) largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, other));

    float inverse = reciprocal(largest);
    for (int pair = lane; pair < pairs; pair += 32)
    {
        long long index = start + 2 * pair;
        if (index >= count) break;
        float high = element<T>(source, index) * inverse;
        float low = (index + 1 < count ? element<T>(source, index + 1) : 0) * inverse;
        unsigned codes = isNormal
            ? encodeNormal(high, thresholds.normal) << 4 | encodeNormal(low, thresholds.normal)
            : encodeFloat(high, thresholds.magnitude) << 4 | encodeFloat(low, thresholds.magnitude);
        packed[index / 2] = (unsigned char)codes;
    }
    if (lane == 0) scales[block] = largest;
}

#define QUANTIZE(T)                                                                                                    \
    extern "C" __global__ void quantize_##T(const void* source, long long count, int shift, int isNormal,              \
        const __grid_constant__ Thresholds thresholds, unsigned char* packed, float* scales)                           \
    { quantize<T>(source, count, shift, isNormal, thresholds, packed, scales); }

QUANTIZE(Float32)
QUANTIZE(BFloat16)
QUANTIZE(Float16)

// Double quantization: 256 scales, less their mean, share a scale. The search is Quantization/DynamicMap.cs's.
extern "C" __global__ void quantize_scales(
    const float* scales, long long count, const float* offset, const float* map, unsigned char* codes, float* outer)
{
    __shared__ float steps[256], parts[8];
    steps[threadIdx.x] = map[threadIdx.x];
    long long index = (long long)blockIdx.x * 256 + threadIdx.x;
    float x = index < count ? scales[index] - *offset : 0, largest = fabsf(x);
#pragma unroll
    for (int other = 16; other > 0; other /= 2) largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, other));
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = largest;
    __syncthreads();
    largest = parts[0];
    for (int i = 1; i < 8; i++) largest = fmaxf(largest, parts[i]);
    if (threadIdx.x == 0) outer[blockIdx.x] = largest;
    if (index >= count) return;

    x *= reciprocal(largest);
    int pivot = 127, lower = 0, upper = 255;
    for (int step = 64; step > 0; step >>= 1)
    {
        if (x > steps[pivot])
        {
            lower = pivot;
            pivot += step;
        }
        else
        {
            upper = pivot;
            pivot -= step;
        }
    }
    codes[index] = (unsigned char)(x > steps[pivot]
        ? (x > __fmul_rn(__fadd_rn(steps[upper], steps[pivot]), 0.5f) ? upper : pivot)
        : (x < __fmul_rn(__fadd_rn(steps[lower], steps[pivot]), 0.5f) ? lower : pivot));
}
