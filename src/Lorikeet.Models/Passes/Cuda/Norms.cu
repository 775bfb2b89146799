// RMSNorm, y = weight ⊙ x / rms(x) with rms(x) = √(mean(x²) + epsilon), one block a row. The normalised value is
// rounded before the weight, as in the reference. A row is read twice; the second time it comes from the first-level
// cache.

template <int W> __device__ __forceinline__ void normalise(
    const Matrix& x, const void* weight, int isFloat, const Matrix& y, float squares, float epsilon)
{
    float inverse = rsqrtf(squares / x.columns + epsilon);
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(x, blockIdx.x, column)), w = loadWeight<W>(weight, isFloat, column);
#pragma unroll
        for (int i = 0; i < W; i++) values.v[i] = rounded(values.v[i] * inverse) * w.v[i];
        store(at(y, blockIdx.x, column), values);
    }
}

template <int W> __device__ void rmsNorm(Matrix x, const void* weight, int isFloat, Matrix y, float epsilon)
{
    float squares = 0;
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(x, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < W; i++) squares += values.v[i] * values.v[i];
    }
    normalise<W>(x, weight, isFloat, y, blockSum(make_float2(squares, 0)).x, epsilon);
}

template <int W> __device__ void addRmsNorm(
    Matrix x, Matrix delta, const void* weight, int isFloat, Matrix sum, Matrix y, float epsilon)
{
    float squares = 0;
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(x, blockIdx.x, column)), more = load<W>(at(delta, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            values.v[i] = rounded(values.v[i] + more.v[i]);
            squares += values.v[i] * values.v[i];
        }
        store(at(sum, blockIdx.x, column), values);
    }
    normalise<W>(sum, weight, isFloat, y, blockSum(make_float2(squares, 0)).x, epsilon);
}

// With s = 1/rms(x) and g = weight dy: dx = residual + s g - x s^3 mean(g x).
template <int W> __device__ void rmsNormBackward(
    const Matrix& x, const void* weight, int isFloat, const Matrix& dy, const Matrix& residual, const Matrix& dx,
    const Matrix& normalised, float epsilon)
{
    float2 sums = make_float2(0, 0);
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(x, blockIdx.x, column)), gradient = load<W>(at(dy, blockIdx.x, column));
        Values<W> w = loadWeight<W>(weight, isFloat, column);
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            sums.x += values.v[i] * values.v[i];
            sums.y += values.v[i] * gradient.v[i] * w.v[i];
        }
    }
    sums = blockSum(sums);
    float inverse = rsqrtf(sums.x / x.columns + epsilon);
    float pull = inverse * inverse * inverse * sums.y / x.columns;
    for (int column = threadIdx.x * W; column < x.columns; column += blockDim.x * W)
    {
        Values<W> values = load<W>(at(x, blockIdx.x, column)), gradient = load<W>(at(dy, blockIdx.x, column));
        Values<W> w = loadWeight<W>(weight, isFloat, column), total = load<W>(at(residual, blockIdx.x, column));
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            total.v[i] += inverse * gradient.v[i] * w.v[i] - values.v[i] * pull;
            values.v[i] = rounded(values.v[i] * inverse) * w.v[i];
        }
        store(at(dx, blockIdx.x, column), total);
        store(at(normalised, blockIdx.x, column), values);
    }
}

struct NormBackward
{
    Matrix x, dy, residual, dx, normalised;
};

#define NORM_KERNELS(W)                                                                                                \
    extern "C" __global__ void rms_norm_##W(Matrix x, const void* weight, int isFloat, Matrix y, float epsilon)        \
    {                                                                                                                  \
        letNextBegin();                                                                                                \
        waitForPrevious();                                                                                             \
        rmsNorm<W>(x, weight, isFloat, y, epsilon);                                                                    \
    }                                                                                                                  \
    extern "C" __global__ void add_rms_norm_##W(                                                                       \
        Matrix x, Matrix delta, const void* weight, int isFloat, Matrix sum, Matrix y, float epsilon)                  \
    {                                                                                                                  \
        letNextBegin();                                                                                                \
        waitForPrevious();                                                                                             \
        addRmsNorm<W>(x, delta, weight, isFloat, sum, y, epsilon);                                                     \
    }                                                                                                                  \
    extern "C" __global__ void rms_norm_backward_##W(NormBackward m, const void* weight, int isFloat, float epsilon)   \
    { rmsNormBackward<W>(m.x, weight, isFloat, m.dy, m.residual, m.dx, m.normalised, epsilon); }

NORM_KERNELS(8)
NORM_KERNELS(1)
