// Norms of queries and keys between projection and rotation, fused with the rotation, one block a token:
//
//     y = R (weight ⊙ x s), s = 1/rms(x);    with g = weight ⊙ Rᵀ dy: dx = s g - x s³ mean(g x)
//
// The mean is over a head, or over all queries and over all keys. First a few neighbouring threads add up each head,
// then every thread turns pieces of heads; what it reads the second time comes from the first-level cache.

struct HeadNorms
{
    const void* query; // [size], or [queries · size] where one norm spans all queries
    const void* key;
    int isFloat; // whether weights are float32; what they multiply is rounded first where they are not
    int spans; // whether one norm spans all queries and one all keys
    int lanes; // threads that add up a head: a power of two, at most 32
    float epsilon;
};

#define MOST_HEADS 512

template <int W> __device__ __forceinline__ Values<W> headWeight(
    const HeadNorms& norms, const Heads& heads, int head, int column)
{
    int isKey = head >= heads.queries, own = isKey ? head - heads.queries : head;
    int place = (norms.spans ? own * heads.size : 0) + column;
    const void* weight = isKey ? norms.key : norms.query;
    return norms.isFloat ? loadFloat<W>((const float*)weight + place) : load<W>((const bf16*)weight + place);
}

__device__ __forceinline__ float2 lanesSum(float2 x, int lanes)
{
    for (int lane = lanes / 2; lane > 0; lane /= 2)
    {
        x.x += __shfl_xor_sync(0xffffffffu, x.x, lane);
        x.y += __shfl_xor_sync(0xffffffffu, x.y, lane);
    }
    return x;
}

// Of each head the sums of x² and of x g become s and s³ mean(g x). The block is at least two warps.
__device__ void finishSums(float2* sums, const Heads& heads, const HeadNorms& norms)
{
    __shared__ float2 spanned[2];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    __syncthreads();
    if (norms.spans && warp < 2)
    {
        float2 total = make_float2(0, 0);
        int end = warp ? heads.queries + heads.keys : heads.queries;
        for (int head = (warp ? heads.queries : 0) + lane; head < end; head += 32)
            total = make_float2(total.x + sums[head].x, total.y + sums[head].y);
        total = lanesSum(total, 32);
        if (lane == 0) spanned[warp] = total;
    }
    __syncthreads();
    for (int head = threadIdx.x; head < heads.queries + heads.keys; head += blockDim.x)
    {
        int isKey = head >= heads.queries;
        float width = norms.spans ? (float)heads.size * (isKey ? heads.keys : heads.queries) : (float)heads.size;
        float2 sum = norms.spans ? spanned[isKey] : sums[head];
        float inverse = rsqrtf(sum.x / width + norms.epsilon);
        sums[head] = make_float2(inverse, inverse * inverse * inverse * sum.y / width);
    }
    __syncthreads();
}

// The pieces of a head come in pairs: those that are turned with each other, and those of the rest with each other.
struct Pair
{
    int low, high, isTurned;
};

__device__ __forceinline__ Pair pairAt(const Heads& heads, int column)
{
    int half = heads.rotary / 2, rest = (heads.size - heads.rotary) / 2;
    return column < half ? Pair{column, column + half, 1} : Pair{column + half, column + half + rest, 0};
}

template <int W> __device__ void rotateNormalised(
    Matrix qkv, Matrix cosine, Matrix sine, Heads heads, HeadNorms norms, Matrix rotated)
{
    __shared__ float2 sums[MOST_HEADS];
    int count = heads.queries + heads.keys, lane = threadIdx.x % norms.lanes;
    int group = threadIdx.x / norms.lanes, groups = blockDim.x / norms.lanes;
    for (int first = 0; first < count; first += groups) // every thread takes part in the sums of its warp
    {
        int head = first + group;
        float2 sum = make_float2(0, 0);
        for (int column = lane * W; head < count && column < heads.size; column += norms.lanes * W)
        {
            Values<W> x = load<W>(at(qkv, blockIdx.x, head * heads.size + column));
#pragma unroll
            for (int i = 0; i < W; i++) sum.x += x.v[i] * x.v[i];
        }
        sum = lanesSum(sum, norms.lanes);
        if (head < count && lane == 0) sums[head] = sum;
    }
    finishSums(sums, heads, norms);

    int pieces = heads.size / 2 / W;
    for (int item = threadIdx.x; item < count * pieces; item += blockDim.x)
    {
        int head = item / pieces, place = head * heads.size;
        Pair pair = pairAt(heads, (item - head * pieces) * W);
        Values<W> low = load<W>(at(qkv, blockIdx.x, place + pair.low));
        Values<W> high = load<W>(at(qkv, blockIdx.x, place + pair.high));
        Values<W> ofLow = headWeight<W>(norms, heads, head, pair.low);
        Values<W> ofHigh = headWeight<W>(norms, heads, head, pair.high);
        float inverse = sums[head].x;
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            float x = low.v[i] * inverse, y = high.v[i] * inverse;
            low.v[i] = rounded((norms.isFloat ? x : rounded(x)) * ofLow.v[i]);
            high.v[i] = rounded((norms.isFloat ? y : rounded(y)) * ofHigh.v[i]);
        }
        if (pair.isTurned)
            turn<W>(low, high, at(cosine, blockIdx.x, pair.low), at(sine, blockIdx.x, pair.low), 1);
        store(at(rotated, blockIdx.x, place + pair.low), low);
        store(at(rotated, blockIdx.x, place + pair.high), high);
    }
}

// A pair of pieces of a head: x, and g = weight ⊙ Rᵀ dy.
template <int W> struct HeadPiece
{
    Values<W> low, high, lowGradient, highGradient;
};

template <int W> __device__ __forceinline__ HeadPiece<W> headPiece(
    const AttentionGradients& from, const Matrix& qkv, const Matrix& cosine, const Matrix& sine, const Heads& heads,
    const HeadNorms& norms, int head, const Pair& pair)
{
    const bf16* gradient = gradientOf(from, heads, head);
    const bf16* x = at(qkv, blockIdx.x, head * heads.size);
    HeadPiece<W> piece = {
        load<W>(x + pair.low), load<W>(x + pair.high), load<W>(gradient + pair.low), load<W>(gradient + pair.high)};
    if (pair.isTurned)
    {
        const bf16* cosines = at(cosine, blockIdx.x, pair.low);
        turn<W>(piece.lowGradient, piece.highGradient, cosines, at(sine, blockIdx.x, pair.low), -1);
    }
    Values<W> ofLow = headWeight<W>(norms, heads, head, pair.low);
    Values<W> ofHigh = headWeight<W>(norms, heads, head, pair.high);
#pragma unroll
    for (int i = 0; i < W; i++)
    {
        piece.lowGradient.v[i] *= ofLow.v[i];
        piece.highGradient.v[i] *= ofHigh.v[i];
    }
    return piece;
}

// As collectGradients, queries and keys back to what was projected: qkv, [tokens, q + k + v].
template <int W> __device__ void collectNormalised(
    AttentionGradients from, Matrix cosine, Matrix sine, Heads heads, HeadNorms norms, Matrix qkv, Matrix target)
{
    __shared__ float2 sums[MOST_HEADS];
    int count = heads.queries + heads.keys, half = heads.size / 2, lane = threadIdx.x % norms.lanes;
    int group = threadIdx.x / norms.lanes, groups = blockDim.x / norms.lanes;
    for (int first = 0; first < count; first += groups)
    {
        int head = first + group;
        float2 sum = make_float2(0, 0);
        for (int column = lane * W; head < count && column < half; column += norms.lanes * W)
        {
            HeadPiece<W> piece = headPiece<W>(from, qkv, cosine, sine, heads, norms, head, pairAt(heads, column));
#pragma unroll
            for (int i = 0; i < W; i++)
            {
                sum.x += piece.low.v[i] * piece.low.v[i] + piece.high.v[i] * piece.high.v[i];
                sum.y += piece.low.v[i] * piece.lowGradient.v[i] + piece.high.v[i] * piece.highGradient.v[i];
            }
        }
        sum = lanesSum(sum, norms.lanes);
        if (head < count && lane == 0) sums[head] = sum;
    }
    finishSums(sums, heads, norms);

    int pieces = half / W;
    for (int item = threadIdx.x; item < count * pieces; item += blockDim.x)
    {
        int head = item / pieces;
        Pair pair = pairAt(heads, (item - head * pieces) * W);
        HeadPiece<W> piece = headPiece<W>(from, qkv, cosine, sine, heads, norms, head, pair);
        float inverse = sums[head].x, pull = sums[head].y;
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            piece.low.v[i] = inverse * piece.lowGradient.v[i] - piece.low.v[i] * pull;
            piece.high.v[i] = inverse * piece.highGradient.v[i] - piece.high.v[i] * pull;
        }
        bf16* to = at(target, blockIdx.x, head * heads.size);
        store(to + pair.low, piece.low);
        store(to + pair.high, piece.high);
    }
    copyHeads<W>(from, heads, count, count + heads.keys, 0, target); // values
}

#define HEAD_NORM_KERNELS(W)                                                                                           \
    extern "C" __global__ void rotate_normalised_##W(                                                                  \
        Matrix qkv, Matrix cosine, Matrix sine, Heads heads, HeadNorms norms, Matrix rotated)                          \
    { rotateNormalised<W>(qkv, cosine, sine, heads, norms, rotated); }                                                 \
    extern "C" __global__ void collect_normalised_##W(                                                                 \
        AttentionGradients from, Matrix cosine, Matrix sine, Heads heads, HeadNorms norms, Matrix qkv, Matrix target)  \
    { collectNormalised<W>(from, cosine, sine, heads, norms, qkv, target); }

HEAD_NORM_KERNELS(8)
HEAD_NORM_KERNELS(1)
