// Kernels that write a matrix and, in the same launch, its rows in FP8 (Float8.cu) for the product that reads it next:
// one block a row, which waits in shared memory, rounded to bfloat16, until its largest element is known. What they
// write is what the kernels in Norms.cu and Elementwise.cu write, and the codes are what quantizing that would give.
// The widths of all matrices are multiples of eight.

struct Codes
{
    const float* columnScales; // of the weights' rows that the matrix is a gradient of, or null
    unsigned char* codes;      // [rows, columns]
    float* scales;             // [rows]
};

extern __shared__ uint4 sharedRow[];

// Eight elements of the row, rounded as they are stored.
__device__ __forceinline__ void keep(int column, const Values<8>& x, const Codes& to, float& largest)
{
    store((bf16*)sharedRow + column, x);
    Values<8> scales;
    if (to.columnScales) scales = loadFloat<8>(to.columnScales + column);
#pragma unroll
    for (int i = 0; i < 8; i++)
        largest = fmaxf(largest, fabsf(to.columnScales ? rounded(x.v[i]) * scales.v[i] : rounded(x.v[i])));
}

// The codes of the row, once every thread has kept its elements; each reads those that it kept itself.
__device__ __forceinline__ void storeRow(int start, int end, int columns, const Codes& to, float largest)
{
    float inverse = 448 / largest;
    for (int column = start + threadIdx.x * 8; column < end; column += blockDim.x * 8)
    {
        Values<8> values = load<8>((const bf16*)sharedRow + column);
        if (to.columnScales)
        {
            Values<8> scales = loadFloat<8>(to.columnScales + column);
#pragma unroll
            for (int i = 0; i < 8; i++) values.v[i] *= scales.v[i];
        }
        storeCodes<8>(to.codes + (long long)blockIdx.x * columns + column, values, inverse);
    }
}

__device__ __forceinline__ float largestOfRow(const Codes& to, float largest)
{
    largest = blockLargest(fmaxf(largest, 1e-30f));
    if (threadIdx.x == 0) to.scales[blockIdx.x] = largest / 448;
    return largest;
}

template <bool IsFloat> __device__ __forceinline__ void normaliseAndKeep(
    const Matrix& x, const Norm& norm, const Matrix& y, float inverse, const Codes& to)
{
    float largest = 0;
    for (int column = threadIdx.x * 8; column < x.columns; column += blockDim.x * 8)
    {
        Values<8> values = load<8>(at(x, blockIdx.x, column));
        normalisePiece<8, IsFloat>(values, normWeight<8, IsFloat>(norm, column), inverse);
        store(at(y, blockIdx.x, column), values);
        keep(column, values, to, largest);
    }
    storeRow(0, y.columns, y.columns, to, largestOfRow(to, largest));
}

__device__ __forceinline__ void normaliseAndKeep(
    const Matrix& x, const Norm& norm, const Matrix& y, float squares, const Codes& to)
{
    float inverse = rsqrtf(squares / x.columns + norm.epsilon);
    if (norm.isFloat) normaliseAndKeep<true>(x, norm, y, inverse, to);
    else normaliseAndKeep<false>(x, norm, y, inverse, to);
}

extern "C" __global__ void rms_norm_codes(Matrix x, Norm norm, Matrix y, Codes to)
{
    float squares = 0;
    for (int column = threadIdx.x * 8; column < x.columns; column += blockDim.x * 8)
    {
        Values<8> values = load<8>(at(x, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < 8; i++) squares += values.v[i] * values.v[i];
    }
    normaliseAndKeep(x, norm, y, blockSum(make_float2(squares, 0)).x, to);
}

extern "C" __global__ void add_rms_norm_codes(
    Matrix x, Matrix delta, float scale, Norm norm, Matrix sum, Matrix y, Codes to)
{
    float squares = 0;
    for (int column = threadIdx.x * 8; column < x.columns; column += blockDim.x * 8)
    {
        Values<8> values = load<8>(at(x, blockIdx.x, column)), more = load<8>(at(delta, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            values.v[i] = rounded(values.v[i] + scale * more.v[i]);
            squares += values.v[i] * values.v[i];
        }
        store(at(sum, blockIdx.x, column), values);
    }
    normaliseAndKeep(sum, norm, y, blockSum(make_float2(squares, 0)).x, to);
}

// The codes are those of dx.
template <bool IsFloat> __device__ __forceinline__ void rmsNormBackwardAndKeep(
    const NormBackward& m, const Norm& norm, const Codes& to)
{
    int columns = m.x.columns;
    float2 sums = make_float2(0, 0);
    for (int column = threadIdx.x * 8; column < columns; column += blockDim.x * 8)
    {
        Values<8> values = load<8>(at(m.x, blockIdx.x, column)), gradient = load<8>(at(m.dy, blockIdx.x, column));
        Values<8> w = normWeight<8, IsFloat>(norm, column);
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            sums.x += values.v[i] * values.v[i];
            sums.y += values.v[i] * gradient.v[i] * w.v[i];
        }
    }
    sums = blockSum(sums);
    float inverse = rsqrtf(sums.x / columns + norm.epsilon), largest = 0;
    float pull = inverse * inverse * inverse * sums.y / columns;
    for (int column = threadIdx.x * 8; column < columns; column += blockDim.x * 8)
    {
        Values<8> values = load<8>(at(m.x, blockIdx.x, column)), gradient = load<8>(at(m.dy, blockIdx.x, column));
        Values<8> w = normWeight<8, IsFloat>(norm, column), total = load<8>(at(m.residual, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < 8; i++) total.v[i] += inverse * gradient.v[i] * w.v[i] - values.v[i] * pull;
        store(at(m.dx, blockIdx.x, column), total);
        normalisePiece<8, IsFloat>(values, w, inverse);
        store(at(m.normalised, blockIdx.x, column), values);
        keep(column, total, to, largest);
    }
    storeRow(0, columns, columns, to, largestOfRow(to, largest));
}

extern "C" __global__ void rms_norm_backward_codes(NormBackward m, Norm norm, Codes to)
{
    if (norm.isFloat) rmsNormBackwardAndKeep<true>(m, norm, to);
    else rmsNormBackwardAndKeep<false>(m, norm, to);
}

template <typename Gate> __device__ void gateAndKeep(const Matrix& gateUp, const Matrix& activation, const Codes& to)
{
    float largest = 0;
    for (int column = threadIdx.x * 8; column < activation.columns; column += blockDim.x * 8)
    {
        Values<8> gate = load<8>(at(gateUp, blockIdx.x, column));
        Values<8> up = load<8>(at(gateUp, blockIdx.x, activation.columns + column));
#pragma unroll
        for (int i = 0; i < 8; i++) gate.v[i] = Gate::value(gate.v[i]) * up.v[i];
        store(at(activation, blockIdx.x, column), gate);
        keep(column, gate, to, largest);
    }
    storeRow(0, activation.columns, activation.columns, to, largestOfRow(to, largest));
}

// The codes are those of dg, du.
template <typename Gate> __device__ void gateBackwardAndKeep(
    const Matrix& gateUp, const Matrix& activation, const Codes& to)
{
    int inner = activation.columns;
    float largest = 0;
    for (int column = threadIdx.x * 8; column < inner; column += blockDim.x * 8)
    {
        Values<8> gate = load<8>(at(gateUp, blockIdx.x, column)), up = load<8>(at(gateUp, blockIdx.x, inner + column));
        Values<8> gradient = load<8>(at(activation, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            float2 both = Gate::both(gate.v[i]);
            float d = gradient.v[i];
            gradient.v[i] = both.x * up.v[i];
            gate.v[i] = d * up.v[i] * both.y;
            up.v[i] = d * both.x;
        }
        store(at(gateUp, blockIdx.x, column), gate);
        store(at(gateUp, blockIdx.x, inner + column), up);
        store(at(activation, blockIdx.x, column), gradient);
        keep(column, gate, to, largest);
        keep(inner + column, up, to, largest);
    }
    largest = largestOfRow(to, largest);
    storeRow(0, inner, 2 * inner, to, largest);
    storeRow(inner, 2 * inner, 2 * inner, to, largest);
}

#define GATE_CODES(NAME, GATE)                                                                                         \
    extern "C" __global__ void NAME##_gate_codes(Matrix gateUp, Matrix activation, Codes to)                           \
    { gateAndKeep<GATE>(gateUp, activation, to); }                                                                     \
    extern "C" __global__ void NAME##_gate_backward_codes(Matrix gateUp, Matrix activation, Codes to)                  \
    { gateBackwardAndKeep<GATE>(gateUp, activation, to); }

GATE_CODES(silu, Silu)
GATE_CODES(gelu, GeluTanh)
