// Rotary embedding by halves, one block a token: the halves (a, b) of what is rotated of a head, its first elements,
// become (a cos - b sin, b cos + a sin). Tables are [tokens, rotary] with the first half repeated.

struct Heads
{
    int queries;
    int keys; // and as many values
    int size;
    int rotary; // elements that are rotated; those after them stay
};

// Heads of attention's gradients, wherever it put them: element (token, head, i) of a batch of equal segments.
struct HeadTensor
{
    bf16* data;
    long long batch;
    long long token;
    long long head;
};

struct AttentionGradients
{
    HeadTensor query, key, value;
    int segmentLength;
};

template <int W> __device__ __forceinline__ void turn(
    Values<W>& low, Values<W>& high, const bf16* cosine, const bf16* sine, float direction)
{
    Values<W> c = load<W>(cosine), s = load<W>(sine);
#pragma unroll
    for (int i = 0; i < W; i++)
    {
        float before = low.v[i], sin = direction * s.v[i];
        low.v[i] = before * c.v[i] - high.v[i] * sin;
        high.v[i] = high.v[i] * c.v[i] + before * sin;
    }
}

template <int W> __device__ __forceinline__ void rotate(
    const bf16* fromLow, const bf16* fromHigh, bf16* toLow, bf16* toHigh, const bf16* cosine, const bf16* sine,
    float direction)
{
    Values<W> low = load<W>(fromLow), high = load<W>(fromHigh);
    turn<W>(low, high, cosine, sine, direction);
    store(toLow, low);
    store(toHigh, high);
}

template <int W> __device__ void rotateHeads(Matrix qkv, Matrix cosine, Matrix sine, Heads heads)
{
    int half = heads.rotary / 2, pieces = half / W, items = (heads.queries + heads.keys) * pieces;
    for (int item = threadIdx.x; item < items; item += blockDim.x)
    {
        int head = item / pieces, column = (item - head * pieces) * W;
        bf16* low = at(qkv, blockIdx.x, head * heads.size + column);
        rotate<W>(low, low + half, low, low + half, at(cosine, blockIdx.x, column), at(sine, blockIdx.x, column), 1);
    }
}

// Where a head's gradient lies; heads are queries, then keys, then values.
__device__ __forceinline__ const bf16* gradientOf(const AttentionGradients& from, const Heads& heads, int head)
{
    long long batch = blockIdx.x / from.segmentLength, token = blockIdx.x % from.segmentLength;
    int keys = heads.queries, values = heads.queries + heads.keys;
    HeadTensor source = head >= values ? from.value : head >= keys ? from.key : from.query;
    int own = head >= values ? head - values : head >= keys ? head - keys : head;
    return source.data + batch * source.batch + token * source.token + own * source.head;
}

// Elements from a column on are copied, of heads from the first to before the last.
template <int W> __device__ __forceinline__ void copyHeads(
    const AttentionGradients& from, const Heads& heads, int first, int last, int start, const Matrix& target)
{
    int pieces = (heads.size - start) / W;
    for (int item = threadIdx.x; item < (last - first) * pieces; item += blockDim.x)
    {
        int index = item / pieces, head = first + index, column = start + (item - index * pieces) * W;
        store(at(target, blockIdx.x, head * heads.size + column), load<W>(gradientOf(from, heads, head) + column));
    }
}

// Gradients of queries, keys and values side by side, [tokens, q + k + v], the first two rotated back (by the negated
// angle).
template <int W> __device__ void collectGradients(
    AttentionGradients from, Matrix cosine, Matrix sine, Heads heads, Matrix target)
{
    int rotated = heads.queries + heads.keys, half = heads.rotary / 2, pieces = half / W;
    for (int item = threadIdx.x; item < rotated * pieces; item += blockDim.x)
    {
        int head = item / pieces, column = (item - head * pieces) * W;
        const bf16* low = gradientOf(from, heads, head) + column;
        bf16* to = at(target, blockIdx.x, head * heads.size + column);
        rotate<W>(low, low + half, to, to + half, at(cosine, blockIdx.x, column), at(sine, blockIdx.x, column), -1);
    }
    copyHeads<W>(from, heads, 0, rotated, heads.rotary, target); // what was not rotated
    copyHeads<W>(from, heads, rotated, rotated + heads.keys, 0, target); // values
}

#define ROTARY_KERNELS(W)                                                                                              \
    extern "C" __global__ void rotate_heads_##W(Matrix qkv, Matrix cosine, Matrix sine, Heads heads)                   \
    { rotateHeads<W>(qkv, cosine, sine, heads); }                                                                      \
    extern "C" __global__ void collect_gradients_##W(                                                                  \
        AttentionGradients from, Matrix cosine, Matrix sine, Heads heads, Matrix target)                               \
    { collectGradients<W>(from, cosine, sine, heads, target); }

ROTARY_KERNELS(8)
ROTARY_KERNELS(1)
