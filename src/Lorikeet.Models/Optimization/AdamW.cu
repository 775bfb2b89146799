// AdamW over all parameters in one launch, by the rules of AdamRules.cs. The global norm of the gradients, which lie
// end to end, never leaves the device: it clips the update, and an update whose norm is not finite changes nothing.

struct TorchAdamRule
{
    float keep, newShare1, beta2, newShare2, correction2, epsilon, stepSize;

    __device__ __forceinline__ float apply(float p, float g, float& m, float& v) const
    {
        m += (g - m) * newShare1;
        v = v * beta2 + g * newShare2 * g;
        return p * keep + m * stepSize / (sqrtf(v) / correction2 + epsilon);
    }
};

struct BitsAndBytesAdamRule
{
    float keep, beta1, beta2, epsilon, stepSize;

    __device__ __forceinline__ float apply(float p, float g, float& m, float& v) const
    {
        m = m * beta1 + g * (1 - beta1);
        v = v * beta2 + g * g * (1 - beta2);
        return (p + m / (sqrtf(v) + epsilon) * stepSize) * keep;
    }
};

// Parameters that move at one rate share a rule.
template <class Rule> struct Rules
{
    Rule of[8];
};

struct AdamJob
{
    float *p, *g, *m, *v;
    long long count;
    int rule;
    int isWide; // all four may be read 16 bytes at a time
};

struct Clipping
{
    float norm;
    float factor;
};

// The sum of squares of a share of the gradients for every block; the order of additions is the same in every run.
extern "C" __global__ void squares(const float* gradients, long long count, double* sums)
{
    float sum = 0;
    long long stride = (long long)gridDim.x * blockDim.x * 4;
    for (long long i = ((long long)blockIdx.x * blockDim.x + threadIdx.x) * 4; i < count; i += stride)
    {
        if (i + 4 <= count)
        {
            float4 g = *(const float4*)(gradients + i);
            sum += (g.x * g.x + g.y * g.y) + (g.z * g.z + g.w * g.w);
        }
        else
        {
            for (long long j = i; j < count; j++) sum += gradients[j] * gradients[j];
        }
    }
    sum = blockSum(make_float2(sum, 0)).x;
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// One warp. A limit of 0 turns clipping off.
extern "C" __global__ void clip(const double* sums, int count, double limit, Clipping* result)
{
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += 32) sum += sums[i];
#pragma unroll
    for (int lane = 16; lane > 0; lane /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lane);
    if (threadIdx.x != 0) return;
    double norm = sqrt(sum), reach = norm + 1e-6;
    result->norm = (float)norm;
    result->factor = limit > 0 && reach > limit ? (float)(limit / reach) : 1;
}

template <class Rule>
__device__ __forceinline__ void moveFour(const AdamJob& job, long long i, float factor, const Rule& rule)
{
    float4 p = *(float4*)(job.p + i), g = *(float4*)(job.g + i), m = *(float4*)(job.m + i), v = *(float4*)(job.v + i);
    p.x = rule.apply(p.x, g.x * factor, m.x, v.x);
    p.y = rule.apply(p.y, g.y * factor, m.y, v.y);
    p.z = rule.apply(p.z, g.z * factor, m.z, v.z);
    p.w = rule.apply(p.w, g.w * factor, m.w, v.w);
    *(float4*)(job.p + i) = p;
    *(float4*)(job.m + i) = m;
    *(float4*)(job.v + i) = v;
}

// A block moves 8192 elements of one parameter.
template <class Rule>
__device__ void adamW(
    const AdamJob* jobs, const int2* parts, const Clipping* clipping, const Rules<Rule>& rules)
{
    if (!(fabsf(clipping->norm) <= 3.402823466e38f)) return;
    const int length = 8192;
    int2 part = parts[blockIdx.x];
    AdamJob job = jobs[part.x];
    Rule rule = rules.of[job.rule];
    float factor = clipping->factor;
    long long start = (long long)part.y * length, end = start + length < job.count ? start + length : job.count;
    if (job.isWide)
    {
        for (long long i = start + threadIdx.x * 4; i + 4 <= end; i += blockDim.x * 4) moveFour(job, i, factor, rule);
        start += (end - start) / 4 * 4;
    }
    for (long long i = start + threadIdx.x; i < end; i += blockDim.x)
        job.p[i] = rule.apply(job.p[i], job.g[i] * factor, job.m[i], job.v[i]);
}

#define ADAMW(Rule)                                                                                                    \
    extern "C" __global__ void adamw_##Rule(                                                                           \
        const AdamJob* jobs, const int2* parts, const Clipping* clipping, const __grid_constant__ Rules<Rule> rules)   \
    { adamW(jobs, parts, clipping, rules); }

ADAMW(TorchAdamRule)
ADAMW(BitsAndBytesAdamRule)
