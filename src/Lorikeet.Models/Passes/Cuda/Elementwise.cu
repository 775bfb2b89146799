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

// sum = x + scale · delta, [rows, columns] each.
template <int W> __device__ void addScaled(Matrix x, Matrix delta, float scale, Matrix sum)
{
    Place p;
    if (!place<W>(x.rows, x.columns, p)) return;
    Values<W> values = load<W>(at(x, p.row, p.column)), more = load<W>(at(delta, p.row, p.column));
#pragma unroll
    for (int i = 0; i < W; i++) values.v[i] += scale * more.v[i];
    store(at(sum, p.row, p.column), values);
}

// y = factor · x.
template <int W> __device__ void scale(Matrix x, float factor, Matrix y)
{
    Place p;
    if (!place<W>(x.rows, x.columns, p)) return;
    Values<W> values = load<W>(at(x, p.row, p.column));
#pragma unroll
    for (int i = 0; i < W; i++) values.v[i] *= factor;
    store(at(y, p.row, p.column), values);
}

// silu(x) = x σ(x), of slope σ(x) (1 + x (1 - σ(x))).
struct Silu
{
    static __device__ __forceinline__ float value(float x) { return x * sigmoid(x); }

    static __device__ __forceinline__ float2 both(float x)
    {
        float s = sigmoid(x);
        return make_float2(x * s, s * (1 + x * (1 - s)));
    }
};

// gelu(x) = x/2 (1 + t), t = tanh(u), u = √(2/π) (x + 0.044715 x³); its slope is (1 + t)/2 + x/2 (1 - t²) u'.
struct GeluTanh
{
    // 2 σ(2u) - 1, which has the absolute precision that 1 + t needs
    static __device__ __forceinline__ float tangent(float x)
    {
        return 2 * sigmoid(1.59576912f * (x + 0.044715f * x * x * x)) - 1;
    }

    static __device__ __forceinline__ float value(float x) { return 0.5f * x * (1 + tangent(x)); }

    static __device__ __forceinline__ float2 both(float x)
    {
        float t = tangent(x), slope = 0.79788456f * (1 + 0.134145f * x * x);
        return make_float2(0.5f * x * (1 + t), 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * slope);
    }
};

// a = φ(g) ⊙ u; g and u are the halves of gateUp [tokens, 2 · inner], a is [tokens, inner].
template <int W, typename Gate> __device__ void gate(Matrix gateUp, Matrix activation)
{
    Place p;
    if (!place<W>(activation.rows, activation.columns, p)) return;
    Values<W> gate = load<W>(at(gateUp, p.row, p.column));
    Values<W> up = load<W>(at(gateUp, p.row, activation.columns + p.column));
#pragma unroll
    for (int i = 0; i < W; i++) gate.v[i] = Gate::value(gate.v[i]) * up.v[i];
    store(at(activation, p.row, p.column), gate);
}

// In place: da becomes a = φ(g) ⊙ u, g becomes dg = da ⊙ u ⊙ φ'(g), u becomes du = da ⊙ φ(g).
template <int W, typename Gate> __device__ void gateBackward(Matrix gateUp, Matrix activation)
{
    Place p;
    if (!place<W>(activation.rows, activation.columns, p)) return;
    Values<W> gate = load<W>(at(gateUp, p.row, p.column));
    Values<W> up = load<W>(at(gateUp, p.row, activation.columns + p.column));
    Values<W> gradient = load<W>(at(activation, p.row, p.column));
#pragma unroll
    for (int i = 0; i < W; i++)
    {
        float2 both = Gate::both(gate.v[i]);
        float d = gradient.v[i];
        gradient.v[i] = both.x * up.v[i];
        gate.v[i] = d * up.v[i] * both.y;
        up.v[i] = d * both.x;
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
    extern "C" __global__ void add_scaled_##W(Matrix x, Matrix delta, float factor, Matrix sum)                        \
    { addScaled<W>(x, delta, factor, sum); }                                                                           \
    extern "C" __global__ void scale_##W(Matrix x, float factor, Matrix y) { scale<W>(x, factor, y); }                 \
    extern "C" __global__ void silu_gate_##W(Matrix gateUp, Matrix activation) { gate<W, Silu>(gateUp, activation); }  \
    extern "C" __global__ void silu_gate_backward_##W(Matrix gateUp, Matrix activation)                                \
    { gateBackward<W, Silu>(gateUp, activation); }                                                                     \
    extern "C" __global__ void gelu_gate_##W(Matrix gateUp, Matrix activation)                                         \
    { gate<W, GeluTanh>(gateUp, activation); }                                                                         \
    extern "C" __global__ void gelu_gate_backward_##W(Matrix gateUp, Matrix activation)                                \
    { gateBackward<W, GeluTanh>(gateUp, activation); }                                                                 \
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
