// Kernels on single elements of [tokens, width] matrices; one thread for every W neighbours of a row.

__device__ __forceinline__ float sigmoid(float x) { return 1 / (1 + __expf(-x)); }

// y += bias, [rows, columns] + [columns].
template <int W> __device__ void addBias(Matrix y, const void* bias, int isFloat)
{
    Place p;
    if (!place<W>(y.rows, y.columns, p)) return;
    Values<W> values = load<W>(at(y, p.row, p.column)), b = loadWeight<W>(bias, isFloat, p.column);
#pragma unroll
    for (int i = 0; i < W; i++) values.v[i] += b.v[i];
    store(at(y, p.row, p.column), values);
}

// a = silu(g) ⊙ u with silu(x) = x σ(x); g and u are the halves of gateUp [tokens, 2 · inner], a is [tokens, inner].
template <int W> __device__ void swiGlu(Matrix gateUp, Matrix activation)
{
    Place p;
    if (!place<W>(activation.rows, activation.columns, p)) return;
    Values<W> gate = load<W>(at(gateUp, p.row, p.column));
    Values<W> up = load<W>(at(gateUp, p.row, activation.columns + p.column));
#pragma unroll
    for (int i = 0; i < W; i++) gate.v[i] = gate.v[i] * sigmoid(gate.v[i]) * up.v[i];
    store(at(activation, p.row, p.column), gate);
}

// In place: da becomes a = silu(g) ⊙ u, g becomes dg = da ⊙ u σ(g) (1 + g (1 - σ(g))), u becomes du = da ⊙ silu(g).
template <int W> __device__ void swiGluBackward(Matrix gateUp, Matrix activation)
{
    Place p;
    if (!place<W>(activation.rows, activation.columns, p)) return;
    Values<W> gate = load<W>(at(gateUp, p.row, p.column));
    Values<W> up = load<W>(at(gateUp, p.row, activation.columns + p.column));
    Values<W> gradient = load<W>(at(activation, p.row, p.column));
#pragma unroll
    for (int i = 0; i < W; i++)
    {
        float x = gate.v[i], s = sigmoid(x), silu = x * s, d = gradient.v[i];
        gradient.v[i] = silu * up.v[i];
        gate.v[i] = d * up.v[i] * s * (1 + x * (1 - s));
        up.v[i] = d * silu;
    }
    store(at(gateUp, p.row, p.column), gate);
    store(at(gateUp, p.row, activation.columns + p.column), up);
    store(at(activation, p.row, p.column), gradient);
}

// The same numbers as DropoutMask.cs.
__device__ __forceinline__ unsigned dropoutNumber(u64 key, unsigned index)
{
    unsigned bits = (index * 0x9E3779B1u) ^ (unsigned)key;
    bits = (bits ^ (bits >> 16)) * 0x85EBCA6Bu + (unsigned)(key >> 32);
    bits = (bits ^ (bits >> 13)) * 0xC2B2AE35u;
    return bits ^ (bits >> 16);
}

// y = mask ⊙ x / (1 - p), or y += that; the mask is a function of key and element, so the backward pass draws it again.
template <int W> __device__ void dropout(Matrix x, unsigned threshold, float scale, u64 key, Matrix y, int add)
{
    Place p;
    if (!place<W>(x.rows, x.columns, p)) return;
    Values<W> values = load<W>(at(x, p.row, p.column)), before;
    if (add) before = load<W>(at(y, p.row, p.column));
    unsigned index = (unsigned)p.row * (unsigned)x.columns + (unsigned)p.column;
#pragma unroll
    for (int i = 0; i < W; i++)
    {
        float kept = dropoutNumber(key, index + i) >= threshold ? values.v[i] * scale : 0;
        values.v[i] = add ? before.v[i] + kept : kept;
    }
    store(at(y, p.row, p.column), values);
}

// Gathers target[i] = source[rows[i]], or scatters target[rows[i]] = source[i].
template <int W> __device__ void moveRows(Matrix source, const long long* rows, Matrix target, int scatter)
{
    Place p;
    if (!place<W>(scatter ? source.rows : target.rows, source.columns, p)) return;
    long long other = rows[p.row];
    const bf16* from = at(source, scatter ? p.row : other, p.column);
    bf16* to = at(target, scatter ? other : p.row, p.column);
    if (W == 8) *(uint4*)to = *(const uint4*)from;
    else *to = *from;
}

#define ELEMENTWISE_KERNELS(W)                                                                                         \
    extern "C" __global__ void add_bias_##W(Matrix y, const void* bias, int isFloat) { addBias<W>(y, bias, isFloat); } \
    extern "C" __global__ void swiglu_##W(Matrix gateUp, Matrix activation) { swiGlu<W>(gateUp, activation); }         \
    extern "C" __global__ void swiglu_backward_##W(Matrix gateUp, Matrix activation)                                   \
    { swiGluBackward<W>(gateUp, activation); }                                                                         \
    extern "C" __global__ void dropout_##W(Matrix x, unsigned threshold, float scale, u64 key, Matrix y, int add)      \
    { dropout<W>(x, threshold, scale, key, y, add); }                                                                  \
    extern "C" __global__ void move_rows_##W(Matrix source, const long long* rows, Matrix target, int scatter)         \
    {                                                                                                                  \
        letNextBegin();                                                                                                \
        waitForPrevious();                                                                                             \
        moveRows<W>(source, rows, target, scatter);                                                                    \
    }

ELEMENTWISE_KERNELS(8)
ELEMENTWISE_KERNELS(1)
