// Sums over the tokens of a matrix [tokens, width], for the gradients of what has one number for each column (biases,
// norms, magnitudes) or one row for each id (the embedding), and factors for each column.

// sums += scale · factors ⊙ Σ over rows of a ⊙ b; without b or factors, of 1. A block sums its columns alone, always in
// the same order: neighbouring threads share a row, the others take the rows after it; then the lanes of a warp that
// have the same columns add up, then the warps.
template <int W> __device__ void columnSums(Matrix a, Matrix b, float scale, const float* factors, float* sums)
{
    const int tile = 32, across = tile / W; // columns of a block, threads that share a row
    __shared__ float parts[32][tile];       // of each warp
    int first = threadIdx.x % across * W, column = blockIdx.x * tile + first;
    Values<W> total = {};
    if (column < a.columns)
    {
        for (long long row = threadIdx.x / across; row < a.rows; row += blockDim.x / across)
        {
            Values<W> x = load<W>(at(a, row, column));
            if (b.data)
            {
                Values<W> y = load<W>(at(b, row, column));
#pragma unroll
                for (int i = 0; i < W; i++) x.v[i] *= y.v[i];
            }
#pragma unroll
            for (int i = 0; i < W; i++) total.v[i] += x.v[i];
        }
    }
#pragma unroll
    for (int lane = 16; lane >= across; lane /= 2)
    {
#pragma unroll
        for (int i = 0; i < W; i++) total.v[i] += __shfl_xor_sync(0xffffffffu, total.v[i], lane);
    }
    if (threadIdx.x % 32 < across)
    {
#pragma unroll
        for (int i = 0; i < W; i++) parts[threadIdx.x / 32][first + i] = total.v[i];
    }
    __syncthreads();

    column = blockIdx.x * tile + threadIdx.x;
    if (threadIdx.x >= tile || column >= a.columns) return;
    float sum = 0;
    for (int warp = 0; warp < blockDim.x / 32; warp++) sum += parts[warp][threadIdx.x];
    sums[column] += scale * (factors ? factors[column] : 1) * sum;
}

// y = factors ⊙ x, or y += that.
template <int W> __device__ void scaleColumns(Matrix x, const float* factors, Matrix y, int add)
{
    Place p;
    if (!place<W>(x.rows, x.columns, p)) return;
    Values<W> values = load<W>(at(x, p.row, p.column)), f = loadFloat<W>(factors + p.column), before;
    if (add) before = load<W>(at(y, p.row, p.column));
#pragma unroll
    for (int i = 0; i < W; i++) values.v[i] = add ? before.v[i] + f.v[i] * values.v[i] : f.v[i] * values.v[i];
    store(at(y, p.row, p.column), values);
}

// sums[ids[i]] += the rows of source that belong to the i-th id: order lists the rows, those of an id from starts[i]
// on. A block adds up a piece of one id's rows, in their order.
template <int W> __device__ void rowSums(
    Matrix source, const long long* order, const long long* starts, const long long* ids, float* sums, long long pitch)
{
    int pieces = (source.columns / W + blockDim.x - 1) / blockDim.x, id = blockIdx.x / pieces;
    int column = ((int)blockIdx.x % pieces * (int)blockDim.x + (int)threadIdx.x) * W;
    if (column >= source.columns) return;
    Values<W> total = {};
    for (long long i = starts[id]; i < starts[id + 1]; i++)
    {
        Values<W> x = load<W>(at(source, order[i], column));
#pragma unroll
        for (int k = 0; k < W; k++) total.v[k] += x.v[k];
    }
    float* target = sums + ids[id] * pitch + column;
    Values<W> before = loadFloat<W>(target);
#pragma unroll
    for (int k = 0; k < W; k++) total.v[k] += before.v[k];
    storeFloat(target, total);
}

#define COLUMN_KERNELS(W)                                                                                              \
    extern "C" __global__ void column_sums_##W(                                                                        \
        Matrix a, Matrix b, float scale, const float* factors, float* sums)                                            \
    { columnSums<W>(a, b, scale, factors, sums); }                                                                     \
    extern "C" __global__ void scale_columns_##W(Matrix x, const float* factors, Matrix y, int add)                    \
    { scaleColumns<W>(x, factors, y, add); }                                                                           \
    extern "C" __global__ void row_sums_##W(                                                                           \
        Matrix source, const long long* order, const long long* starts, const long long* ids, float* sums,             \
        long long pitch)                                                                                               \
    { rowSums<W>(source, order, starts, ids, sums, pitch); }

COLUMN_KERNELS(8)
COLUMN_KERNELS(1)
