// Several trainings on one frozen base, each of an adapter of its own. Every training is the ordinary loop on a thread
// of its own, and only one of them runs at a time: it goes on until it asks for a pass, then the next has the turn.
// When all that are left have asked, their passes are made as one (SharedPass.cs), and each goes on with its loss. So
// a training neither knows nor can see that it is not alone, whatever steps, rows and evaluations the others have.
using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Loop;

/// <summary>Where several trainings on one model meet to take their passes together.</summary>
/// <param name="model">The model.</param>
/// <param name="count">How many trainings there are; each calls <see cref="Begin"/> on a thread of its own.</param>
public sealed class PassMeeting(DecoderModel model, int count) : IDisposable
{
    private readonly Member[] _members = [.. Enumerable.Range(0, count).Select(_ => new Member())];
    private SharedPass? _pass;
    private List<int> _inPass = [];

    private DecoderModel Model => model;

    /// <summary>Lets the first training have its turn.</summary>
    public void Start() => _members[0].Turn.Release();

    /// <summary>Waits for the first turn of a training.</summary>
    /// <param name="member">Its number.</param>
    public void Begin(int member) => _members[member].Turn.Wait();

    /// <summary>Ends a training, however it ended; the others go on without it.</summary>
    /// <param name="member">Its number.</param>
    public void End(int member)
    {
        _members[member].State = MemberState.Gone;
        PassOn(member);
    }

    /// <summary>
    /// The passes of a training, whose adapter is active. It waits until all trainings have theirs.
    /// </summary>
    /// <param name="member">Its number.</param>
    /// <param name="adapter">Its adapter, whose parameters have gradients.</param>
    /// <param name="options">How its passes run.</param>
    public ITrainingPass Join(int member, Adapter adapter, TrainingPassOptions options)
    {
        var own = _members[member];
        (own.Adapter, own.Options) = (adapter, options);
        own.State = MemberState.Joining;
        WaitFor(own, member);
        return new MeetingPass(this, member);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pass?.Dispose();
        foreach (var member in _members)
            member.Turn.Dispose();
    }

    private double Run(int member, Batch batch, double weight, PassKey key)
    {
        var own = _members[member];
        own.Asked = (batch, weight, key);
        own.State = MemberState.Asking;
        WaitFor(own, member);
        if (own.Fault is { } fault)
            throw new LorikeetException(
                $"The passes that several trainings take together failed: {fault.Message}", fault);
        return own.Loss;
    }

    private double Evaluate(int member, Batch batch)
    {
        var loss = Pass().Evaluate(_inPass.IndexOf(member), batch);
        _members[member].Adapter!.Activate();
        return loss;
    }

    private void WaitFor(Member own, int member)
    {
        PassOn(member);
        own.Turn.Wait();
        if (!own.Adapter!.IsActive)
            own.Adapter.Activate();
    }

    /// <summary>
    /// Gives the turn to the next training that can go on; when there is none, the passes are made first.
    /// </summary>
    private void PassOn(int from)
    {
        var next = NextReady(from);
        if (next < 0 && _members.Any(member => member.State == MemberState.Joining))
            next = Admit();
        if (next < 0 && _members.Any(member => member.State == MemberState.Asking))
            next = RunTogether();
        if (next >= 0)
            _members[next].Turn.Release();
    }

    private int NextReady(int from) => Enumerable.Range(1, count).Select(step => (from + step) % count)
        .FirstOrDefault(member => _members[member].State == MemberState.Ready, -1);

    private int Admit()
    {
        foreach (var member in _members.Where(member => member.State == MemberState.Joining))
            member.State = MemberState.Ready;
        return NextReady(count - 1);
    }

    private int RunTogether()
    {
        List<int> asking =
            [.. Enumerable.Range(0, count).Where(member => _members[member].State == MemberState.Asking)];
        try
        {
            var losses = Pass().Run([.. asking.Select(member => new AdapterBatch(
                _inPass.IndexOf(member), _members[member].Asked.Batch, _members[member].Asked.Weight,
                _members[member].Asked.Key))]);
            foreach (var (place, member) in asking.Index())
                _members[member].Loss = losses[place];
        }
        catch (Exception fault)
        {
            foreach (var member in asking)
                _members[member].Fault = fault;
        }

        foreach (var member in asking)
            _members[member].State = MemberState.Ready;
        return asking[0];
    }

    /// <summary>
    /// The passes of all trainings that are still there; made anew when one has taken its adapter away.
    /// </summary>
    private SharedPass Pass()
    {
        if (_pass is { IsUsable: true })
            return _pass;
        _pass?.Dispose();
        _inPass =
        [
            .. Enumerable.Range(0, count)
                .Where(member => _members[member] is { Adapter: not null, State: not MemberState.Gone }),
        ];
        return _pass = new SharedPass(
            model, [.. _inPass.Select(member => (_members[member].Adapter!, _members[member].Options))]);
    }

    private enum MemberState
    {
        /// <summary>Has the turn, or may have it.</summary>
        Ready,

        /// <summary>Waits for the others to be set up.</summary>
        Joining,

        /// <summary>Waits for a pass.</summary>
        Asking,

        /// <summary>Has ended.</summary>
        Gone,
    }

    private sealed class Member
    {
        public SemaphoreSlim Turn { get; } = new(0);

        public MemberState State { get; set; }

        public Adapter? Adapter { get; set; }

        public TrainingPassOptions Options { get; set; } = new();

        public (Batch Batch, double Weight, PassKey Key) Asked { get; set; }

        public double Loss { get; set; }

        public Exception? Fault { get; set; }
    }

    private sealed class MeetingPass(PassMeeting meeting, int member) : ITrainingPass
    {
        private ITrainingPass? _own;

        public int RecomputedLayers => meeting._pass?.RecomputedLayers ?? 0;

        public double Temperature
        {
            get => _own?.Temperature ?? 1;
            set
            {
                if (value != Temperature)
                    Own.Temperature = value;
            }
        }

        /// <summary>For what is no cross-entropy, and so not made together; the adapter is active.</summary>
        private ITrainingPass Own =>
            _own ??= TrainingPasses.Create(meeting.Model, meeting._members[member].Options);

        public double Run(Batch batch, double weight, PassKey key) => meeting.Run(member, batch, weight, key);

        public void Run(Batch batch, TokenObjective objective, PassKey key) => Own.Run(batch, objective, key);

        public float[] LogProbabilities(Batch batch, bool withoutAdapter = false) =>
            Own.LogProbabilities(batch, withoutAdapter);

        public double Evaluate(Batch batch) => meeting.Evaluate(member, batch);

        public void Dispose() => _own?.Dispose();
    }
}
