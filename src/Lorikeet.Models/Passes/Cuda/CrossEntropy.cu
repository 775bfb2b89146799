// Cross-entropy of a row of logits [rows, vocabulary] and its gradient in place, one block a row:
//
//     logSum = m + log Σ exp(x - m), m = max x;   loss = logSum - x[target];
//     dx = scale · (exp(x - logSum) - [target])
//
// m and the sum come from one reading (online softmax, arXiv 1805.02867): a partial sum is scaled when its maximum
// grows. A row whose target is below zero has no loss and no gradient. Where logits are capped, x is c tanh(x / c) of
// what lies there, and the gradient is multiplied by the slope of that, 1 - (x / c)².

struct Softmax
{
    float largest;
    float sum; // of exp(x - largest)
};

__device__ __forceinline__ Softmax join(Softmax a, Softmax b)
{
    Softmax both;
    both.largest = fmaxf(a.largest, b.largest);
    both.sum = a.sum * __expf(a.largest - both.largest) + b.sum * __expf(b.largest - both.largest);
    return both;
}

__device__ __forceinline__ Softmax warpJoin(Softmax x)
{
#pragma unroll
    for (int lane = 16; lane > 0; lane /= 2)
    {
        Softmax other;
        other.largest = __shfl_xor_sync(0xffffffffu, x.largest, lane);
        other.sum = __shfl_xor_sync(0xffffffffu, x.sum, lane);
        x = join(x, other);
    }
    return x;
}

__device__ __forceinline__ Softmax blockJoin(Softmax x)
{
    __shared__ Softmax parts[32];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    x = warpJoin(x);
    if (lane == 0) parts[warp] = x;
    __syncthreads();
    Softmax none = {-1e30f, 0};
    return warpJoin(lane < warps ? parts[lane] : none);
}

template <int W, bool IsCapped> __device__ __forceinline__ Values<W> loadLogits(const bf16* from, float cap)
{
    Values<W> x = load<W>(from);
    if (!IsCapped) return x;
#pragma unroll
    for (int i = 0; i < W; i++) x.v[i] = cap * tanhf(x.v[i] / cap);
    return x;
}

template <int W, bool IsCapped> __device__ void crossEntropy(
    Matrix logits, const long long* targets, float scale, float cap, float* losses)
{
    bf16* row = at(logits, blockIdx.x, 0);
    long long target = targets[blockIdx.x];
    Softmax mine = {-1e30f, 0};
    for (int column = threadIdx.x * W; column < logits.columns; column += blockDim.x * W)
    {
        Values<W> x = loadLogits<W, IsCapped>(row + column, cap);
        float largest = mine.largest;
#pragma unroll
        for (int i = 0; i < W; i++) largest = fmaxf(largest, x.v[i]);
        mine.sum *= __expf(mine.largest - largest);
        mine.largest = largest;
#pragma unroll
        for (int i = 0; i < W; i++) mine.sum += __expf(x.v[i] - largest);
    }

    Softmax all = blockJoin(mine);
    float logSum = all.largest + logf(all.sum);
    if (threadIdx.x == 0)
        losses[blockIdx.x] = target < 0 ? 0 : logSum - loadLogits<1, IsCapped>(row + target, cap).v[0];
    __syncthreads(); // the target's logit is read before it is overwritten

    float factor = target < 0 ? 0 : scale;
    for (int column = threadIdx.x * W; column < logits.columns; column += blockDim.x * W)
    {
        Values<W> x = loadLogits<W, IsCapped>(row + column, cap);
#pragma unroll
        for (int i = 0; i < W; i++)
        {
            float slope = IsCapped ? 1 - x.v[i] * x.v[i] / (cap * cap) : 1;
            float isTarget = column + i == target ? 1 : 0;
            x.v[i] = factor * slope * (__expf(x.v[i] - logSum) - isTarget);
        }
        store(row + column, x);
    }
}

#define CROSS_ENTROPY_KERNELS(W)                                                                                       \
    extern "C" __global__ void cross_entropy_##W(                                                                      \
        Matrix logits, const long long* targets, float scale, float cap, float* losses)                                \
    { crossEntropy<W, false>(logits, targets, scale, cap, losses); }                                                   \
    extern "C" __global__ void capped_cross_entropy_##W(                                                               \
        Matrix logits, const long long* targets, float scale, float cap, float* losses)                                \
    { crossEntropy<W, true>(logits, targets, scale, cap, losses); }

CROSS_ENTROPY_KERNELS(8)
CROSS_ENTROPY_KERNELS(1)

// One block: adds the rows' losses to the total, always in the same order.
extern "C" __global__ void add_losses(const float* losses, int rows, double* total)
{
    __shared__ double parts[256];
    double sum = 0;
    for (int row = threadIdx.x; row < rows; row += blockDim.x) sum += losses[row];
    parts[threadIdx.x] = sum;
    for (int width = blockDim.x / 2; width > 0; width /= 2)
    {
        __syncthreads();
        if (threadIdx.x < width) parts[threadIdx.x] += parts[threadIdx.x + width];
    }
    if (threadIdx.x == 0) *total += parts[0];
}
