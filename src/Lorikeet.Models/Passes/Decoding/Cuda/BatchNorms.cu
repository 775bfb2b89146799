// Norms of queries and keys of a step of generation, in place, one block a row; rotation comes after, where keys go
// into the cache:
//
//     x = weight ⊙ x / rms(x), the mean over a head, or over all queries and over all keys
//
// First a few neighbouring threads add up each head, then every thread scales pieces of heads (HeadNorms.cu).

extern "C" __global__ void normalise_heads(Matrix qkv, Heads heads, HeadNorms norms)
{
    __shared__ float2 sums[MOST_HEADS];
    letNextBegin();
    waitForPrevious();
    int count = heads.queries + heads.keys, lane = threadIdx.x % norms.lanes;
    int group = threadIdx.x / norms.lanes, groups = blockDim.x / norms.lanes;
    for (int first = 0; first < count; first += groups) // every thread takes part in the sums of its warp
    {
        int head = first + group;
        float2 sum = make_float2(0, 0);
        for (int column = lane * 8; head < count && column < heads.size; column += norms.lanes * 8)
        {
            Values<8> x = load<8>(at(qkv, blockIdx.x, head * heads.size + column));
#pragma unroll
            for (int i = 0; i < 8; i++) sum.x += x.v[i] * x.v[i];
        }
        sum = lanesSum(sum, norms.lanes);
        if (head < count && lane == 0) sums[head] = sum;
    }
    finishSums(sums, heads, norms);

    int pieces = heads.size / 8;
    for (int item = threadIdx.x; item < count * pieces; item += blockDim.x)
    {
        int head = item / pieces, column = (item - head * pieces) * 8;
        bf16* place = at(qkv, blockIdx.x, head * heads.size + column);
        Values<8> x = load<8>(place), weight = headWeight<8>(norms, heads, head, column);
        float inverse = sums[head].x;
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            float normalised = x.v[i] * inverse;
            x.v[i] = (norms.isFloat ? normalised : rounded(normalised)) * weight.v[i];
        }
        store(place, x);
    }
}
