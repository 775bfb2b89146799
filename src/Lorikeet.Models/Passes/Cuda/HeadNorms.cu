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
    int isFloat; // whether weights are float32
    int spans; // whether one norm spans all queries and one all keys
    int lanes; // threads that add up a head: a power of two, at most 32
    float epsilon;
};

#define MOST_HEADS 512

template <int W> __device__ __forceinline__ Values<W> headWeight(
    const HeadNorms& norms, const Heads& heads, int head, int column)
{
    int isKey = head >= heads.queries, own = isKey ? head - heads.queries : head;
    return loadWeight<W>(isKey ? norms.key : norms.query, norms.isFloat, (norms.spans ? own * heads.size : 0) + column);
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

    int half = heads.size / 2, pieces = half / W;
    for (int item = threadIdx.x; item < count * pieces; item += blockDim.x)
    {
        int head = item / pieces, column = (item - head * pieces) * W, place = head * heads.size + column;
        Values<W> low = load<W>(at(qkv, blockIdx.x, place)), high = load<W>(at(qkv, blockIdx.x, place + half));
        Values<W> ofLow = headWeight<W>(norms, heads, head, column), ofHigh = headWeight<W>(norms, heads, head, column + half);
        float inverse = sums[head].x;
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            low.v[i] = rounded(rounded(low.v[i] * inverse) * ofLow.v[i]);
            high.v[i] = rounded(rounded(high.v[i] * inverse) * ofHigh.v[i]);
        }
        turn<W>(low, high, at(cosine, blockIdx.x, column), at(sine, blockIdx.x, column), 1);
        store(at(rotated, blockIdx.x, place), low);
        store(at(rotated, blockIdx.x, place + half), high);
    }
}

// A piece of a head, from the halves at column and half a head on: x, and g = weight ⊙ Rᵀ dy.
template <int W> struct HeadPiece
{
    Values<W> low, high, lowGradient, highGradient;
};

template <int W> __device__ __forceinline__ HeadPiece<W> headPiece(
    const AttentionGradients& from, const Matrix& qkv, const Matrix& cosine, const Matrix& sine, const Heads& heads,
    const HeadNorms& norms, int head, int column)
{
    long long batch = blockIdx.x / from.segmentLength, token = blockIdx.x % from.segmentLength;
    int half = heads.size / 2, isKey = head >= heads.queries, own = isKey ? head - heads.queries : head;
    HeadTensor source = isKey ? from.key : from.query;
    const bf16* gradient = source.data + batch * source.batch + token * source.token + own * source.head + column;
    const bf16* x = at(qkv, blockIdx.x, head * heads.size + column);
    HeadPiece<W> piece = {load<W>(x), load<W>(x + half), load<W>(gradient), load<W>(gradient + half)};
    turn<W>(piece.lowGradient, piece.highGradient, at(cosine, blockIdx.x, column), at(sine, blockIdx.x, column), -1);
    Values<W> ofLow = headWeight<W>(norms, heads, head, column), ofHigh = headWeight<W>(norms, heads, head, column + half);
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
            HeadPiece<W> piece = headPiece<W>(from, qkv, cosine, sine, heads, norms, head, column);
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
        int head = item / pieces, column = (item - head * pieces) * W;
        HeadPiece<W> piece = headPiece<W>(from, qkv, cosine, sine, heads, norms, head, column);
        float inverse = sums[head].x, pull = sums[head].y;
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            piece.low.v[i] = inverse * piece.lowGradient.v[i] - piece.low.v[i] * pull;
            piece.high.v[i] = inverse * piece.highGradient.v[i] - piece.high.v[i] * pull;
        }
        bf16* to = at(target, blockIdx.x, head * heads.size + column);
        store(to, piece.low);
        store(to + half, piece.high);
    }

    long long batch = blockIdx.x / from.segmentLength, token = blockIdx.x % from.segmentLength;
    const bf16* value = from.value.data + batch * from.value.batch + token * from.value.token;
    int valuePieces = heads.size / W;
    for (int item = threadIdx.x; item < heads.keys * valuePieces; item += blockDim.x)
    {
        int head = item / valuePieces, column = (item - head * valuePieces) * W;
        store(at(target, blockIdx.x, (count + head) * heads.size + column), load<W>(value + head * from.value.head + column));
    }
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
