// Blocks of a power of two of 4-bit codes share a scale, which is stored as float32 or, nested, as an 8-bit code of a
// map, times the scale of 256 such codes, plus an offset.

struct Scales
{
    const float* values;        // one a block, or null
    const unsigned char* codes; // one a block
    const float* map;           // [256]
    const float* outer;         // one for 256 blocks
    float offset;
    int shift; // log2 of a block's codes
};

// A scale as it is stored. Loading it waits for nothing; decoding a nested one looks its code up, which would wait for
// the load if it came at once.
struct StoredScale
{
    float value; // or of 256 blocks
    unsigned code;
};

__device__ __forceinline__ StoredScale loadScale(const Scales& scales, long long block)
{
    if (scales.values) return {scales.values[block], 0};
    return {scales.outer[block >> 8], scales.codes[block]};
}

// The map may be a copy nearer than scales.map.
__device__ __forceinline__ float decode(const StoredScale& stored, const Scales& scales, const float* map)
{
    return scales.values ? stored.value : __fadd_rn(__fmul_rn(map[stored.code], stored.value), scales.offset);
}

__device__ __forceinline__ float scaleOf(const Scales& scales, long long block)
{
    return decode(loadScale(scales, block), scales, scales.map);
}
