// RMSNorm, y = weight ⊙ x / rms(x) with rms(x) = √(mean(x²) + epsilon), one block a row. The normalised value is
// rounded before a bfloat16 weight, and not before a float32 one, as in the reference (NormFactor.cs). A row is read
// twice; the second time it comes from the first-level cache.

struct Norm
{
    const void* weight;
    int isFloat;
    float epsilon;
};

template <int W, bool IsFloat> __device__ __forceinline__ Values<W> normWeight(const Norm& norm, int column)
{
    return IsFloat ? loadFloat<W>((const float*)norm.weight + column) : load<W>((const bf16*)norm.weight + column);
}

template <int W, bool IsFloat> __device__ __forceinline__ void normalisePiece(
    Values<W>& values, const Values<W>& weight, float inverse)
{
#pragma unroll
    for (int i = 0; i < W; i++)
        values.v[i] = (IsFloat ? values.v[i] * inverse : rounded(values.v[i] * inverse)) * weight.v[i];
}

template <int W, bool IsFloat> __device__ __forceinline__ void normaliseRow(
    const Matrix& x, const Norm& norm, const Matrix& y, float inverse)
{
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(x, blockIdx.x, column));
        normalisePiece<W, IsFloat>(values, normWeight<W, IsFloat>(norm, column), inverse);
        store(at(y, blockIdx.x, column), values);
    }
}

template <int W> __device__ __forceinline__ void normalise(
    const Matrix& x, const Norm& norm, const Matrix& y, float squares)
{
    float inverse = rsqrtf(squares / x.columns + norm.epsilon);
    if (norm.isFloat) normaliseRow<W, true>(x, norm, y, inverse);
    else normaliseRow<W, false>(x, norm, y, inverse);
}

template <int W> __device__ void rmsNorm(Matrix x, Norm norm, Matrix y)
{
    float squares = 0;
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(x, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < W; i++) squares += values.v[i] * values.v[i];
    }
    normalise<W>(x, norm, y, blockSum(make_float2(squares, 0)).x);
}

template <int W> __device__ void addRmsNorm(Matrix x, Matrix delta, float scale, Norm norm, Matrix sum, Matrix y)
{
    float squares = 0;
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(x, blockIdx.x, column)), more = load<W>(at(delta, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            values.v[i] = rounded(values.v[i] + scale * more.v[i]);
            squares += values.v[i] * values.v[i];
        }
        store(at(sum, blockIdx.x, column), values);
    }
    normalise<W>(sum, norm, y, blockSum(make_float2(squares, 0)).x);
}

struct NormBackward
{
    Matrix x, dy, residual, dx, normalised;
};

// With s = 1/rms(x) and g = weight dy: dx = residual + s g - x s^3 mean(g x), and the normalised row once more; or the
// gradient alone.
template <int W, bool IsFloat, bool IsAlone> __device__ void rmsNormBackward(const NormBackward& m, const Norm& norm)
{
    int columns = m.x.columns;
    float2 sums = make_float2(0, 0);
    for (int column = threadIdx.x * W; column < columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(m.x, blockIdx.x, column)), gradient = load<W>(at(m.dy, blockIdx.x, column));
        Values<W> w = normWeight<W, IsFloat>(norm, column);
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            sums.x += values.v[i] * values.v[i];
            sums.y += values.v[i] * gradient.v[i] * w.v[i];
        }
    }
    sums = blockSum(sums);
    float inverse = rsqrtf(sums.x / columns + norm.epsilon);
    float pull = inverse * inverse * inverse * sums.y / columns;
    for (int column = threadIdx.x * W; column < columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(m.x, blockIdx.x, column)), gradient = load<W>(at(m.dy, blockIdx.x, column));
        Values<W> w = normWeight<W, IsFloat>(norm, column), total = {};
        if (!IsAlone) total = load<W>(at(m.residual, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < W; i++) total.v[i] += inverse * gradient.v[i] * w.v[i] - values.v[i] * pull;
        store(at(m.dx, blockIdx.x, column), total);
        if (IsAlone) continue;
        normalisePiece<W, IsFloat>(values, w, inverse);
        store(at(m.normalised, blockIdx.x, column), values);
    }
}

template <int W, bool IsAlone> __device__ void rmsNormBackward(const NormBackward& m, const Norm& norm)
{
    if (norm.isFloat) rmsNormBackward<W, true, IsAlone>(m, norm);
    else rmsNormBackward<W, false, IsAlone>(m, norm);
}

#define NORM_KERNELS(W)                                                                                                \
    extern "C" __global__ void rms_norm_##W(Matrix x, Norm norm, Matrix y)                                             \
    {                                                                                                                  \
        letNextBegin();                                                                                                \
        waitForPrevious();                                                                                             \
        rmsNorm<W>(x, norm, y);                                                                                        \
    }                                                                                                                  \
    extern "C" __global__ void add_rms_norm_##W(Matrix x, Matrix delta, float scale, Norm norm, Matrix sum, Matrix y)  \
    {                                                                                                                  \
        letNextBegin();                                                                                                \
        waitForPrevious();                                                                                             \
        addRmsNorm<W>(x, delta, scale, norm, sum, y);                                                                  \
    }                                                                                                                  \
    extern "C" __global__ void rms_norm_backward_##W(NormBackward m, Norm norm)                                        \
    { rmsNormBackward<W, false>(m, norm); }                                                                            \
    extern "C" __global__ void rms_norm_gradient_##W(Matrix x, Norm norm, Matrix dy, Matrix dx)                        \
    { rmsNormBackward<W, true>(NormBackward{x, dy, dx, dx, dx}, norm); }

NORM_KERNELS(8)
NORM_KERNELS(1)
