// Blocks of a power of two of 4-bit codes share a scale, which is stored as float32 or, nested, as an 8-bit code of a map,
// times the scale of 256 such codes, plus an offset.

struct Scales
{
    const float* values;        // one a block, or null
    const unsigned char* codes; // one a block
    const float* map;           // [256]
    const float* outer;         // one for 256 blocks
    float offset;
    int shift; // log2 of a block's codes
};

__device__ __forceinline__ float scaleOf(const Scales& scales, long long block)
{
    if (scales.values) return scales.values[block];
    return __fadd_rn(__fmul_rn(scales.map[scales.codes[block]], scales.outer[block >> 8]), scales.offset);
}
