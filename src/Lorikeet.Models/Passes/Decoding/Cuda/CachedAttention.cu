// One new token per row over cached keys and values, [keyHeads, capacity, size] per row: o = Σ exp(s q·k - m) v / Σ
// exp(s q·k - m) over the slots it sees. The slots are divided into chunks of 64 (flash decoding); each leaves its
// maximum m, its sum and its unscaled o, and partial results (m, sum, o) are joined by scaling both to the larger m.
// Powers are of 2: the caller's scale has log2(e) in it. Where the token goes and where a row begins is read from the
// device: state is the slot, then the first slot of each row.

struct CacheLayer
{
    bf16* keys;
    bf16* values;
    int capacity;
    int keyHeads;
};

// Rotates queries in place; rotated keys and values go where the cache keeps them. One thread for 8 numbers, or 8
// pairs.
extern "C" __global__ void rotate_and_append(
    Matrix qkv, const bf16* cosine, const bf16* sine, Heads heads, CacheLayer cache, const long long* state)
{
    int half = heads.size / 2, pieces = half / 8, items = (heads.queries + 2 * heads.keys) * pieces;
    int blocks = (items + blockDim.x - 1) / blockDim.x, row = blockIdx.x / blocks;
    int item = blockIdx.x % blocks * blockDim.x + threadIdx.x;
    if (item >= items) return;
    int head = item / pieces, column = (item - head * pieces) * 8, key = head - heads.queries, value = key - heads.keys;
    long long slot = state[0], position = (slot - state[1 + row]) * heads.size + column;
    bf16* low = at(qkv, row, head * heads.size + column);
    if (key < 0)
    {
        rotate<8>(low, low + half, low, low + half, cosine + position, sine + position, 1);
        return;
    }
    long long place = (((long long)row * cache.keyHeads + (value < 0 ? key : value)) * cache.capacity + slot) * heads.size + column;
    if (value < 0)
    {
        rotate<8>(low, low + half, cache.keys + place, cache.keys + place + half, cosine + position, sine + position, 1);
    }
    else
    {
        *(uint4*)(cache.values + place) = *(const uint4*)low;
        *(uint4*)(cache.values + place + half) = *(const uint4*)(low + half);
    }
}

// The softmax of some scores so far, weighted values included: their largest, the sum of exp2(score - largest), and for
// 8 elements of a head the sum of exp2(score - largest) · value.
struct Attended
{
    float largest;
    float sum;
    float v[8];

    __device__ __forceinline__ void add(const Attended& other)
    {
        float most = fmaxf(largest, other.largest), keep = exp2f(largest - most), take = exp2f(other.largest - most);
        largest = most;
        sum = sum * keep + other.sum * take;
#pragma unroll
        for (int i = 0; i < 8; i++) v[i] = v[i] * keep + other.v[i] * take;
    }
};

__device__ __forceinline__ Values<8> eight(const uint4& bits)
{
    Values<8> x;
    unsigned words[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
    for (int i = 0; i < 8; i++) x.v[i] = __uint_as_float(i % 2 ? words[i / 2] & 0xffff0000u : words[i / 2] << 16);
    return x;
}

constexpr int chunk = 64, attendingWarps = 4, tokensAhead = 4;
constexpr float hidden = -1e30f;

// A lane holds 8 elements of a head; as many lanes as a head needs share a token.
template <int Size> __device__ void attendChunk(
    const Values<8>& query, const bf16* keys, const bf16* values, int from, int to, Attended& result)
{
    const int lanes = Size / 8, together = 32 / lanes, stride = attendingWarps * together;
    int first = from + threadIdx.x / lanes;
    for (int start = from; start < to; start += stride * tokensAhead, first += stride * tokensAhead)
    {
        uint4 k[tokensAhead], v[tokensAhead];
#pragma unroll
        for (int i = 0; i < tokensAhead; i++)
        {
            long long token = min(first + i * stride, to - 1);
            k[i] = *(const uint4*)(keys + token * Size);
            v[i] = *(const uint4*)(values + token * Size);
        }
#pragma unroll
        for (int i = 0; i < tokensAhead; i++)
        {
            Values<8> key = eight(k[i]), value = eight(v[i]);
            Attended one = {0, 1};
#pragma unroll
            for (int j = 0; j < 8; j++)
            {
                one.largest += query.v[j] * key.v[j];
                one.v[j] = value.v[j];
            }
#pragma unroll
            for (int lane = lanes / 2; lane > 0; lane /= 2) one.largest += __shfl_xor_sync(0xffffffffu, one.largest, lane);
            if (first + i * stride < to) result.add(one);
        }
    }
}

// A block attends to 64 slots; the last one to end for a head adds up what the others left.
template <int Size> __device__ void attend(
    const Matrix& qkv, const Heads& heads, const CacheLayer& cache, const long long* state, int window, float scale,
    float* shares, unsigned* counters, const Matrix& result)
{
    const int lanes = Size / 8, groups = attendingWarps * 32 / lanes;
    __shared__ float largest[groups], sums[groups], totals[groups][Size];
    __shared__ bool isLast;
    int chunks = gridDim.x / (qkv.rows * heads.queries), own = blockIdx.x % chunks, pair = blockIdx.x / chunks;
    int head = pair % heads.queries, row = pair / heads.queries, part = threadIdx.x % lanes, group = threadIdx.x / lanes;
    int end = (int)state[0] + 1, begin = (int)state[1 + row];
    if (window > 0) begin = max(begin, end - window);
    int firstChunk = begin / chunk, lastChunk = (end - 1) / chunk;
    if (own < firstChunk || own > lastChunk) return;

    Values<8> query = load<8>(at(qkv, row, head * Size + part * 8));
#pragma unroll
    for (int i = 0; i < 8; i++) query.v[i] *= scale;
    long long keyHead = (long long)row * cache.keyHeads + head / (heads.queries / heads.keys);
    long long place = keyHead * cache.capacity * Size + part * 8;
    Attended mine = {hidden, 0};
    attendChunk<Size>(
        query, cache.keys + place, cache.values + place, max(begin, own * chunk), min(end, own * chunk + chunk), mine);
    if (part == 0)
    {
        largest[group] = mine.largest;
        sums[group] = mine.sum;
    }
#pragma unroll
    for (int i = 0; i < 8; i++) totals[group][part * 8 + i] = mine.v[i];
    __syncthreads();

    float most = hidden, sum = 0;
#pragma unroll
    for (int i = 0; i < groups; i++) most = fmaxf(most, largest[i]);
#pragma unroll
    for (int i = 0; i < groups; i++) sum += sums[i] * exp2f(largest[i] - most);
    float* share = shares + ((long long)pair * chunks + own) * (Size + 2);
    for (int i = threadIdx.x; i < Size; i += blockDim.x)
    {
        float total = 0;
#pragma unroll
        for (int j = 0; j < groups; j++) total += totals[j][i] * exp2f(largest[j] - most);
        if (firstChunk == lastChunk) *at(result, row, head * Size + i) = round1(total / sum);
        else share[i] = total;
    }
    if (firstChunk == lastChunk) return;
    if (threadIdx.x == 0)
    {
        share[Size] = most;
        share[Size + 1] = sum;
    }
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) isLast = atomicAdd(counters + pair, 1) == (unsigned)(lastChunk - firstChunk);
    __syncthreads();
    if (!isLast) return;
    if (threadIdx.x == 0) counters[pair] = 0;
    __threadfence();

    share = shares + (long long)pair * chunks * (Size + 2);
    most = hidden;
    for (int i = firstChunk; i <= lastChunk; i++) most = fmaxf(most, __ldcg(share + i * (Size + 2) + Size));
    for (int i = threadIdx.x; i < Size; i += blockDim.x)
    {
        float total = 0;
        sum = 0;
        for (int j = firstChunk; j <= lastChunk; j++)
        {
            const float* other = share + j * (Size + 2);
            float weight = exp2f(__ldcg(other + Size) - most);
            total += __ldcg(other + i) * weight;
            sum += __ldcg(other + Size + 1) * weight;
        }
        *at(result, row, head * Size + i) = round1(total / sum);
    }
}

#define ATTEND(Size)                                                                                                   \
    extern "C" __global__ void __launch_bounds__(128) attend_cached_##Size(                                            \
        Matrix qkv, Heads heads, CacheLayer cache, const long long* state, int window, float scale, float* shares,     \
        unsigned* counters, Matrix result)                                                                             \
    { attend<Size>(qkv, heads, cache, state, window, scale, shares, counters, result); }

ATTEND(32)
ATTEND(64)
ATTEND(128)
ATTEND(256)

// The first of the largest of a row's logits, or -1 when it is not finite. One block of 1024 threads a row.
extern "C" __global__ void most_likely(const float* logits, int columns, long long* chosen)
{
    __shared__ float values[32];
    __shared__ int ids[32];
    const float* row = logits + (long long)blockIdx.x * columns;
    float best = -3.402823466e38f;
    int id = columns;
    for (int i = threadIdx.x; i < columns; i += blockDim.x)
    {
        float x = row[i];
        if (x > best || !(x == x)) best = x, id = i;
    }
    for (int round = 0; round < 2; round++)
    {
#pragma unroll
        for (int lane = 16; lane > 0; lane /= 2)
        {
            float x = __shfl_xor_sync(0xffffffffu, best, lane);
            int other = __shfl_xor_sync(0xffffffffu, id, lane);
            if (x > best || !(x == x) || (x == best && other < id)) best = x, id = other;
        }
        if (round == 1) break;
        if (threadIdx.x % 32 == 0) values[threadIdx.x / 32] = best, ids[threadIdx.x / 32] = id;
        __syncthreads();
        best = values[threadIdx.x % 32];
        id = ids[threadIdx.x % 32];
    }
    if (threadIdx.x == 0) chosen[blockIdx.x] = fabsf(best) < 3.402823466e38f ? id : -1;
}
