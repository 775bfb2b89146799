using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Lorikeet.Studio.Records;

/// <summary>The history of runs in SQLite, so that it outlives the studio and many runs are listed at once.</summary>
public sealed class RunHistoryStore
{
    private const string Schema = """
        PRAGMA journal_mode = WAL;
        CREATE TABLE IF NOT EXISTS runs (
            name TEXT PRIMARY KEY, status TEXT NOT NULL, queued TEXT, changed TEXT, fault TEXT,
            resumes INTEGER NOT NULL, metrics_bytes INTEGER NOT NULL, model TEXT, data TEXT, steps INTEGER NOT NULL,
            loss REAL, eval_loss REAL, base_loss REAL, tokens INTEGER NOT NULL);
        """;

    private readonly Lock _lock = new();
    private readonly string _connection;

    /// <summary>Opens the history, and makes it where there is none.</summary>
    /// <param name="places">Where it lies.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public RunHistoryStore(StudioPlaces places)
    {
        var file = Path.Combine(places.Own, "history.db");
        _connection = new SqliteConnectionStringBuilder { DataSource = file }.ToString();
        try
        {
            Directory.CreateDirectory(places.Own);
            Run(Schema);
        }
        catch (Exception fault) when (fault is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new StorageException(
                $"The history of runs '{file}' cannot be opened: {fault.Message} Choose another folder by 'runs'.",
                fault);
        }
    }

    /// <summary>Every run that is known, the newest first.</summary>
    public IReadOnlyList<RunEntry> All()
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT * FROM runs ORDER BY coalesce(changed, queued) DESC";
        using var reader = command.ExecuteReader();
        var runs = new List<RunEntry>();
        while (reader.Read())
            runs.Add(Read(reader));
        return runs;
    }

    /// <summary>Writes a run, in the place of what is known of it.</summary>
    /// <param name="run">The run.</param>
    public void Save(RunEntry run) => Run(
        """
        INSERT OR REPLACE INTO runs VALUES ($name, $status, $queued, $changed, $fault, $resumes, $metrics_bytes, $model,
            $data, $steps, $loss, $eval_loss, $base_loss, $tokens)
        """,
        ("$name", run.Name), ("$status", run.Status.ToString()), ("$queued", Text(run.Queued)),
        ("$changed", Text(run.Changed)), ("$fault", run.Fault), ("$resumes", run.Resumes),
        ("$metrics_bytes", run.MetricsBytes), ("$model", run.Model), ("$data", run.Data), ("$steps", run.Steps),
        ("$loss", run.Loss), ("$eval_loss", run.EvalLoss), ("$base_loss", run.BaseLoss), ("$tokens", run.Tokens));

    /// <summary>Changes what is known of a run, with nobody else between reading and writing.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="change">What is known from then on; of a run that is new only its name is known before.</param>
    public RunEntry Update(string name, Func<RunEntry, RunEntry> change)
    {
        lock (_lock)
        {
            var changed = change(All().FirstOrDefault(run => run.Name == name) ?? new RunEntry(name));
            Save(changed);
            return changed;
        }
    }

    /// <summary>Forgets a run; its folder stays.</summary>
    /// <param name="name">Its name.</param>
    public void Remove(string name) => Run("DELETE FROM runs WHERE name = $name", ("$name", name));

    private static string? Text(DateTimeOffset? time) => time?.ToString("O", CultureInfo.InvariantCulture);

    private static RunEntry Read(SqliteDataReader row)
    {
        return new RunEntry(row.GetString(row.GetOrdinal("name")))
        {
            Status = Enum.Parse<RunStatus>(row.GetString(row.GetOrdinal("status"))),
            Queued = Time("queued"),
            Changed = Time("changed"),
            Fault = Optional("fault"),
            Resumes = row.GetBoolean(row.GetOrdinal("resumes")),
            MetricsBytes = row.GetInt64(row.GetOrdinal("metrics_bytes")),
            Model = Optional("model"),
            Data = Optional("data"),
            Steps = row.GetInt32(row.GetOrdinal("steps")),
            Loss = Number("loss"),
            EvalLoss = Number("eval_loss"),
            BaseLoss = Number("base_loss"),
            Tokens = row.GetInt64(row.GetOrdinal("tokens")),
        };

        string? Optional(string name) =>
            row.IsDBNull(row.GetOrdinal(name)) ? null : row.GetString(row.GetOrdinal(name));
        double? Number(string name) =>
            row.IsDBNull(row.GetOrdinal(name)) ? null : row.GetDouble(row.GetOrdinal(name));
        DateTimeOffset? Time(string name) => Optional(name) is { } text
            ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture)
            : null;
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connection);
        connection.Open();
        return connection;
    }

    private void Run(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        command.ExecuteNonQuery();
    }
}
