// A token of each row over paged keys and values, blocks [keyHeads, 16, size] that a table lists in the order of a
// sequence's tokens: o = Σ exp(s q·k - m) v / Σ exp(s q·k - m) over the tokens a row sees, up to its own. They are
// divided into chunks (flash decoding); each leaves its maximum m, its sum and its unscaled o, and partial results
// (m, sum, o) are joined by scaling both to the larger m. Powers are of 2: the caller's scale has log2(e) in it.

constexpr int blockTokens = 16;

struct PagedLayer
{
    bf16* keys;
    bf16* values;
    int keyHeads;
};

// Where rows stand, in memory of the device.
struct RowPlaces
{
    const long long* positions;
    const long long* sequences;
    const long long* tables; // [sequences, width]
    int width;

    __device__ __forceinline__ const long long* table(int row) const { return tables + sequences[row] * width; }
};

// Elements from the cache's first to a token of a head.
__device__ __forceinline__ long long placeOf(const long long* table, int token, int keyHead, int keyHeads, int size)
{
    return ((table[token / blockTokens] * keyHeads + keyHead) * blockTokens + token % blockTokens) * size;
}

// Rotates queries in place; rotated keys and values go where the cache keeps them. One thread for 8 numbers, or 8
// pairs.
extern "C" __global__ void rotate_and_append_paged(
    Matrix qkv, const bf16* cosine, const bf16* sine, Heads heads, PagedLayer cache, RowPlaces places)
{
    letNextBegin();
    waitForPrevious();
    int half = heads.size / 2, pieces = half / 8, items = (heads.queries + 2 * heads.keys) * pieces;
    int blocks = (items + blockDim.x - 1) / blockDim.x, row = blockIdx.x / blocks;
    int item = blockIdx.x % blocks * blockDim.x + threadIdx.x;
    if (item >= items) return;
    int head = item / pieces, column = (item - head * pieces) * 8, key = head - heads.queries, value = key - heads.keys;
    int token = (int)places.positions[row];
    long long position = (long long)token * heads.size + column;
    bf16* low = at(qkv, row, head * heads.size + column);
    if (key < 0)
    {
        rotate<8>(low, low + half, low, low + half, cosine + position, sine + position, 1);
        return;
    }
    long long place = placeOf(places.table(row), token, value < 0 ? key : value, cache.keyHeads, heads.size) + column;
    if (value < 0)
    {
        rotate<8>(
            low, low + half, cache.keys + place, cache.keys + place + half, cosine + position, sine + position, 1);
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

constexpr int attendingWarps = 4, tokensAhead = 4;
constexpr float hidden = -1e30f;

// A lane's eight elements of a head, turned; the other half of the head is another lane's.
__device__ __forceinline__ Values<8> rotated(
    const bf16* head, int part, int lanes, const bf16* cosine, const bf16* sine)
{
    Values<8> mine = load<8>(head + part * 8), other = load<8>(head + (part ^ lanes / 2) * 8);
    Values<8> c = load<8>(cosine + part * 8), s = load<8>(sine + part * 8);
#pragma unroll
    for (int i = 0; i < 8; i++)
        mine.v[i] = rounded(part < lanes / 2
            ? mine.v[i] * c.v[i] - other.v[i] * s.v[i]
            : mine.v[i] * c.v[i] + other.v[i] * s.v[i]);
    return mine;
}

// The rotation of a row that is the newest token of its sequence, which is not in the cache yet.
struct Rotation
{
    const bf16* cosine;
    const bf16* sine;
};

// A block attends to a chunk of tokens; a lane holds 8 elements of a head, as many lanes as a head needs share a token.
// The last block to end for a head adds up what the others left. Where the row is new, its own key and value come from
// qkv and go into the cache; the cached ones are on their way before qkv is there.
template <int Size, bool IsNew> __device__ void attend(
    const Matrix& qkv, const Rotation& rotation, const Heads& heads, const PagedLayer& cache, const RowPlaces& places,
    int window, float scale, int chunk, float* shares, unsigned* counters, const Matrix& result)
{
    const int lanes = Size / 8, groups = attendingWarps * 32 / lanes, stride = groups * tokensAhead;
    __shared__ float largest[groups], sums[groups], totals[groups][Size];
    __shared__ bool isLast;
    letNextBegin();
    int chunks = gridDim.x / (qkv.rows * heads.queries), own = blockIdx.x % chunks, pair = blockIdx.x / chunks;
    int head = pair % heads.queries, row = pair / heads.queries, part = threadIdx.x % lanes,
        group = threadIdx.x / lanes;
    int shared = heads.queries / heads.keys, keyHead = head / shared, position = (int)places.positions[row];
    int end = position + 1, begin = window > 0 ? max(0, end - window) : 0;
    int firstChunk = begin / chunk, lastChunk = position / chunk;
    if (own < firstChunk || own > lastChunk)
    {
        waitForPrevious();
        return;
    }

    const long long* table = places.table(row);
    int from = max(begin, own * chunk), to = min(IsNew ? position : end, own * chunk + chunk);
    uint4 k[tokensAhead], v[tokensAhead];
    auto fetch = [&](int start)
    {
#pragma unroll
        for (int i = 0; i < tokensAhead; i++)
        {
            int token = min(start + group + i * groups, to - 1);
            long long place = placeOf(table, token, keyHead, cache.keyHeads, Size) + part * 8;
            k[i] = *(const uint4*)(cache.keys + place);
            v[i] = *(const uint4*)(cache.values + place);
        }
    };
    if (IsNew && from < to) fetch(from);
    waitForPrevious();
    if (!IsNew && from < to) fetch(from);

    const bf16 *cosine = rotation.cosine + (long long)position * Size,
        *sine = rotation.sine + (long long)position * Size;
    const bf16* of = at(qkv, row, head * Size);
    Values<8> query = IsNew ? rotated(of, part, lanes, cosine, sine) : load<8>(of + part * 8);
#pragma unroll
    for (int i = 0; i < 8; i++) query.v[i] *= scale;
    Attended mine = {hidden, 0};
    auto see = [&](const Values<8>& key, const Values<8>& value, bool counts)
    {
        Attended one = {0, 1};
#pragma unroll
        for (int j = 0; j < 8; j++)
        {
            one.largest += query.v[j] * key.v[j];
            one.v[j] = value.v[j];
        }
#pragma unroll
        for (int lane = lanes / 2; lane > 0; lane /= 2) one.largest += __shfl_xor_sync(0xffffffffu, one.largest, lane);
        if (counts) mine.add(one);
    };
    if (IsNew && own == lastChunk && threadIdx.x < 32)
    {
        Values<8> key = rotated(at(qkv, row, (heads.queries + keyHead) * Size), part, lanes, cosine, sine);
        Values<8> value = load<8>(at(qkv, row, (heads.queries + heads.keys + keyHead) * Size + part * 8));
        see(key, value, group == 0);
        if (group == 0 && head % shared == 0)
        {
            long long place = placeOf(table, position, keyHead, cache.keyHeads, Size) + part * 8;
            store(cache.keys + place, key);
            store(cache.values + place, value);
        }
    }
    for (int start = from; start < to; start += stride)
    {
        if (start > from) fetch(start);
#pragma unroll
        for (int i = 0; i < tokensAhead; i++) see(eight(k[i]), eight(v[i]), start + group + i * groups < to);
    }
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
    extern "C" __global__ void __launch_bounds__(128) attend_paged_##Size(                                             \
        Matrix qkv, Rotation rotation, Heads heads, PagedLayer cache, RowPlaces places, int window, float scale,       \
        int chunk, float* shares, unsigned* counters, Matrix result)                                                   \
    { attend<Size, false>(qkv, rotation, heads, cache, places, window, scale, chunk, shares, counters, result); }      \
    extern "C" __global__ void __launch_bounds__(128) attend_new_##Size(                                               \
        Matrix qkv, Rotation rotation, Heads heads, PagedLayer cache, RowPlaces places, int window, float scale,       \
        int chunk, float* shares, unsigned* counters, Matrix result)                                                   \
    { attend<Size, true>(qkv, rotation, heads, cache, places, window, scale, chunk, shares, counters, result); }

ATTEND(32)
ATTEND(64)
ATTEND(128)
ATTEND(256)

// The first of the largest of a row's logits, or -1 when it is not finite. One block of 1024 threads a row.
extern "C" __global__ void most_likely(const float* logits, int columns, long long* chosen)
{
    letNextBegin();
    waitForPrevious();
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

// Sequences whose tokens are gathered side by side: those of the i-th lie from starts[i] to starts[i + 1].
struct Gathered
{
    const int* starts;
    int first;
    int count;
};

// Keys and values of the tokens of some sequences side by side, [tokens, keyHeads, size] each; a block a token.
extern "C" __global__ void gather_paged(
    PagedLayer cache, RowPlaces places, Gathered gathered, int size, bf16* keys, bf16* values)
{
    int token = blockIdx.x, width = cache.keyHeads * size, low = 0, high = gathered.count;
    while (high - low > 1)
    {
        int middle = (low + high) / 2;
        if (gathered.starts[middle] <= token) low = middle;
        else high = middle;
    }
    const long long* table = places.tables + (long long)(gathered.first + low) * places.width;
    int own = token - gathered.starts[low];
    for (int column = threadIdx.x * 8; column < width; column += blockDim.x * 8)
    {
        long long place = placeOf(table, own, column / size, cache.keyHeads, size) + column % size;
        *(uint4*)(keys + (long long)token * width + column) = *(const uint4*)(cache.keys + place);
        *(uint4*)(values + (long long)token * width + column) = *(const uint4*)(cache.values + place);
    }
}
