// Factors from float32 to the compute type and their gradients back, all of them in one launch: the table says which
// factor a block of threads works on and which piece of it. One thread for every W neighbours.

struct FactorJob
{
    float* values; // null for zeros
    Matrix matrix;
    float scale;
};

template <int W> __device__ __forceinline__ bool place(const FactorJob& job, int part, Place& found)
{
    int pieces = job.matrix.columns / W, index = part * blockDim.x + threadIdx.x;
    found.row = index / pieces;
    found.column = (index - (int)found.row * pieces) * W;
    return found.row < job.matrix.rows;
}

template <int W> __device__ void loadFactors(const FactorJob* jobs, const int2* parts)
{
    int2 part = parts[blockIdx.x];
    FactorJob job = jobs[part.x];
    Place p;
    if (!place<W>(job, part.y, p)) return;
    Values<W> values = {};
    if (job.values) values = loadFloat<W>(job.values + p.row * job.matrix.columns + p.column);
#pragma unroll
    for (int i = 0; i < W; i++) values.v[i] *= job.scale;
    store(at(job.matrix, p.row, p.column), values);
}

template <int W> __device__ void accumulateFactors(const FactorJob* jobs, const int2* parts)
{
    int2 part = parts[blockIdx.x];
    FactorJob job = jobs[part.x];
    Place p;
    if (!place<W>(job, part.y, p)) return;
    float* target = job.values + p.row * job.matrix.columns + p.column;
    Values<W> values = load<W>(at(job.matrix, p.row, p.column)), total = loadFloat<W>(target);
#pragma unroll
    for (int i = 0; i < W; i++) total.v[i] += job.scale * values.v[i];
    storeFloat(target, total);
}

#define FACTOR_KERNELS(W)                                                                                              \
    extern "C" __global__ void load_factors_##W(const FactorJob* jobs, const int2* parts)                              \
    { loadFactors<W>(jobs, parts); }                                                                                   \
    extern "C" __global__ void accumulate_factors_##W(const FactorJob* jobs, const int2* parts)                        \
    { accumulateFactors<W>(jobs, parts); }

FACTOR_KERNELS(8)
FACTOR_KERNELS(1)
