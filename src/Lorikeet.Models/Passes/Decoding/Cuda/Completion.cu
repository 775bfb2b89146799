// What a product by a library leaves to be done: y = product + bias + adapters, and silu(gate) ⊙ up.

extern "C" __global__ void __launch_bounds__(256) complete_product(
    const __grid_constant__ Linear linear, const Matrix product, const Matrix y, int isFloat, int isGated,
    const Adapters adapters)
{
    letNextBegin();
    waitForPrevious();
    int outputs = isGated ? linear.parts[0].rows : product.columns;
    long long index = (long long)blockIdx.x * blockDim.x + threadIdx.x, row = index / outputs;
    if (row >= product.rows) return;
    int column = (int)(index - row * outputs), part = 0;
    while (!isGated && part + 1 < linear.count && column >= linear.parts[part + 1].firstRow) part++;
    WeightRow w = {part, column - linear.parts[part].firstRow};
    float result = rounded(widen(*at(product, row, column)) + added(linear, adapters, w, (int)row));
    if (isGated)
        result = rounded(result / (1 + __expf(-result)))
            * rounded(widen(*at(product, row, outputs + column)) + added(linear, adapters, {1, w.row}, (int)row));
    if (isFloat) ((float*)y.data)[row * y.pitch + column] = result;
    else *at(y, row, column) = round1(result);
}
