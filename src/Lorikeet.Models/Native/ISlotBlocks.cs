namespace Lorikeet.Models.Native;

/// <summary>
/// Blocks of memory that take turns in a few slots on the device and are kept elsewhere between their turns.
/// </summary>
internal interface ISlotBlocks : IDisposable
{
    /// <summary>Call before new content is written into a block's slot.</summary>
    void PrepareSlot(int block);

    /// <summary>Call when a block's content was written into its slot: keeps it.</summary>
    void Keep(int block);

    /// <summary>
    /// Call before a block's slot is read: has the block there, and its next neighbours on their way.
    /// </summary>
    void WaitFor(int block);
}
