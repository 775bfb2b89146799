using Lorikeet.Data;
using Lorikeet.Data.Encoded;

namespace Lorikeet.Tests.Data;

/// <summary>
/// The forms of public datasets: each is learned as its publisher means it, with every part of a row.
/// </summary>
public sealed class PublicShapeTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(
        "messages_system",
        """{"system":"Be a pirate","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}""",
        "<s> Be a pirate ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "system twice",
        """{"system":"S","messages":[{"role":"system","content":"T"},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}""",
        "<s> S\n\nT ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "openorca", """{"system_prompt":"Be brief","question":"Sky?","response":"blue"}""",
        "<s> Be brief ### Human: Sky? ### Assistant:⟦ blue</s>⟧")]
    [InlineData(
        "qa system", """{"system":"Be brief","question":"Sky?","answer":"blue"}""",
        "<s> Be brief ### Human: Sky? ### Assistant:⟦ blue</s>⟧")]
    [InlineData(
        "query context", """{"query":"Sky?","response":"blue","context":"ctx"}""",
        "<s> ### Human: ctx\n\nSky? ### Assistant:⟦ blue</s>⟧")]
    [InlineData(
        "prompt input", """{"prompt":"Add","input":"1 2","output":"3"}""",
        "<s> ### Human: Add\n\n1 2 ### Assistant:⟦ 3</s>⟧")]
    [InlineData(
        "completion system", """{"system":"S","prompt":"Sky?","completion":"blue"}""",
        "<s> S ### Human: Sky? ### Assistant:⟦ blue</s>⟧")]
    [InlineData(
        "swift", """{"system":"S","query":"Now?","response":"late","history":[["Hi","Yo"]]}""",
        "<s> S ### Human: Hi ### Assistant:⟦ Yo⟧ ### Human: Now? ### Assistant:⟦ late</s>⟧")]
    [InlineData(
        "blank system", """{"system":" ","question":"Sky?","answer":"blue"}""",
        "<s> ### Human: Sky? ### Assistant:⟦ blue</s>⟧")]
    [InlineData(
        "capybara", """{"source":"x","conversation":[{"input":"Hi","output":"Yo"},{"input":"?","output":"!"}]}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo⟧ ### Human: ? ### Assistant:⟦ !</s>⟧")]
    [InlineData(
        "belle", """{"id":"1","conversations":[{"human":"Hi","assistant":"Yo"}]}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "ultrachat", """{"id":"0","data":["Hi","Yo","?","!"]}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo⟧ ### Human: ? ### Assistant:⟦ !</s>⟧")]
    [InlineData(
        "lima", """{"conversations":["Hi","Yo"],"source":"stackexchange"}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "struct of lists", """{"messages":{"role":["user","assistant"],"content":["Hi","Yo"]}}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "parts",
        """{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]},{"role":"assistant","content":"Yo"}]}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "dolly", """{"instruction":"Add.","context":"","response":"3","category":"open_qa"}""",
        "<s> Below is an instruction that describes a task. Write a response that appropriately completes the " +
        "request.\n\n### Instruction:\nAdd.\n\n### Response:\n⟦3</s>⟧")]
    [InlineData(
        "no_robots",
        """{"prompt":"Hi","prompt_id":"1","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}],"category":"Chat"}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "trivia_qa", """{"question":"Sky?","answer":{"value":"blue","aliases":["azure"],"type":"WikipediaEntity"}}""",
        "<s> ### Human: Sky? ### Assistant:⟦ blue</s>⟧")]
    [InlineData(
        "hotpot_qa",
        """{"question":"Sky?","answer":"blue","context":{"title":["T","U"],"sentences":[["A b."," C d."],["E."]]}}""",
        "<s> Context: T\nA b. C d.\n\nU\nE.\nQuestion: Sky?\nAnswer:⟦ blue</s>⟧")]
    [InlineData(
        "hotpot_qa raw", """{"question":"Sky?","answer":"blue","context":[["T",["A b."," C d."]]]}""",
        "<s> Context: T\nA b. C d.\nQuestion: Sky?\nAnswer:⟦ blue</s>⟧")]
    [InlineData(
        "drop", """{"passage":"P","question":"Q","answers_spans":{"spans":["A"],"types":["span"]}}""",
        "<s> Context: P\nQuestion: Q\nAnswer:⟦ A</s>⟧")]
    [InlineData(
        "squad_v2 null", """{"context":"C","question":"Q","answers":null,"is_impossible":true}""",
        "<s> Context: C\nQuestion: Q\nAnswer:⟦ unanswerable</s>⟧")]
    [InlineData("blank context", """{"question":"Q","context":" ","answer":"A"}""", "<s> Question: Q\nAnswer:⟦ A</s>⟧")]
    [InlineData(
        "kto messages",
        """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}],"label":true}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "dpo object",
        """{"prompt":"Hi","chosen":{"role":"assistant","content":"Yo"},"rejected":{"role":"assistant","content":"No"}}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        "dpo from value",
        """{"prompt":"Hi","system":"S","chosen":[{"from":"gpt","value":"Yo"}],"rejected":[{"from":"gpt","value":"No"}]}""",
        "<s> S ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    public void Row_IsLearnedWhole(string dataset, string row, string expected)
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", row));
        Assert.True(expected == DataFixture.Show(data.Train[0]), $"{dataset}: {DataFixture.Show(data.Train[0])}");
        Assert.DoesNotContain(data.Warnings, warning => warning.Contains("not used"));
    }

    [Theory]
    [InlineData(
        "mmlu", """{"question":"Q","subject":"S","choices":["3","2","1","0"],"answer":2}""",
        "Q\nA. 3\nB. 2\nC. 1\nD. 0", "C. 1")]
    [InlineData(
        "mmlu csv", """{"question":"Q","A":"w","B":"x","C":"y","D":"z","answer":"C"}""", "Q\nA. w\nB. x\nC. y\nD. z",
        "C. y")]
    [InlineData(
        "mmlu_pro", """{"question":"Q","options":["w","x"],"answer":"B","answer_index":1,"cot_content":""}""",
        "Q\nA. w\nB. x", "B. x")]
    [InlineData(
        "medqa", """{"question":"Q","answer":"Heart","options":{"A":"Liver","B":"Heart"},"answer_idx":"B"}""",
        "Q\nA. Liver\nB. Heart", "B. Heart")]
    [InlineData(
        "medmcqa", """{"question":"Q","opa":"w","opb":"x","opc":"y","opd":"z","cop":0,"exp":null}""",
        "Q\nA. w\nB. x\nC. y\nD. z", "A. w")]
    [InlineData(
        "arc with numbers", """{"question":"Q","choices":{"text":["w","x"],"label":["1","2"]},"answerKey":"1"}""",
        "Q\n1. w\n2. x", "1. w")]
    [InlineData(
        "objects", """{"question":"Q","choices":[{"label":"A","text":"w"},{"label":"B","text":"x"}],"answerKey":"b"}""",
        "Q\nA. w\nB. x", "B. x")]
    [InlineData(
        "aqua", """{"question":"Q","options":["A)21","B)22"],"rationale":"R","correct":"B"}""", "Q\nA. 21\nB. 22",
        "B. 22")]
    [InlineData(
        "race", """{"article":"P","question":"Q","options":["w","x"],"answer":"B"}""", "P\n\nQ\nA. w\nB. x", "B. x")]
    [InlineData(
        "medmcqa, raw", """{"question":"Q","opa":"w","opb":"x","opc":"y","opd":"z","cop":4,"exp":null}""",
        "Q\nA. w\nB. x\nC. y\nD. z", "D. z")]
    [InlineData(
        "siqa", """{"context":"P","question":"Q","answerA":"w","answerB":"x","answerC":"y","label":"1"}""",
        "P\n\nQ\nA. w\nB. x\nC. y", "A. w")]
    [InlineData(
        "siqa", """{"context":"P","question":"Q","answerA":"w","answerB":"x","answerC":"y","label":2}""",
        "P\n\nQ\nA. w\nB. x\nC. y", "B. x")]
    [InlineData(
        "cosmos_qa", """{"context":"P","question":"Q","answer0":"w","answer1":"x","answer2":"y","label":0}""",
        "P\n\nQ\n0. w\n1. x\n2. y", "0. w")]
    public void Choices_AreReadAsTheyAreMeant(string dataset, string row, string question, string answer)
    {
        var shown = DataFixture.Show(DataFixture.Load(_data.Write("a.jsonl", row)).Train[0]);
        Assert.True(shown == $"<s> ### Human: {question} ### Assistant:⟦ {answer}</s>⟧", $"{dataset}: {shown}");
    }

    [Theory]
    [InlineData(new[] { 1, 2, 4 }, "A. a", "B. b", "D. d")]
    [InlineData(new[] { 1, 2, 0 }, "B. b", "C. c", "A. a")]
    [InlineData(new[] { 1, 2, 3 }, "B. b", "C. c", "D. d")]
    public void Positions_CountFromOneWhereTheRowsShowIt(int[] keys, params string[] answers)
    {
        var rows = keys.Select(key => $$"""{"question":"Q{{key}}","choices":["a","b","c","d"],"answer":{{key}}}""");
        var shown = DataFixture.Load(_data.Write("a.jsonl", string.Join('\n', rows))).Train.Select(DataFixture.Show);
        Assert.Equal(
            answers, shown.Select(row => row[(row.IndexOf('⟦') + 2)..row.IndexOf("</s>⟧", StringComparison.Ordinal)]));
    }

    [Fact]
    public void PositionsThatCountFromBoth_AreRefusedByRow()
    {
        var path = _data.Write("a.jsonl", string.Join('\n', new[] { 0, 4 }.Select(
            key => $$"""{"question":"Q{{key}}","choices":["a","b","c","d"],"answer":{{key}}}""")));
        var fault = Assert.Throws<DatasetException>(() => DataFixture.Load(path));
        Assert.Contains(":2: column 'answer' holds 4.", fault.Message);
        Assert.Contains("(positions count from 0)", fault.Message);
    }

    [Fact]
    public void ManyChoices_GoOnAfterZ()
    {
        var texts = string.Join(',', Enumerable.Range(0, 30).Select(i => $"\"t{i}\""));
        var data = DataFixture.Load(_data.Write("a.jsonl", $$"""{"question":"Q","choices":[{{texts}}],"answer":27}"""));
        Assert.EndsWith("### Assistant:⟦ AB. t27</s>⟧", DataFixture.Show(data.Train[0]));
        Assert.Contains("\nZ. t25\nAA. t26\n", DataFixture.Show(data.Train[0]));
    }

    [Theory]
    [InlineData("""[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]""", "a.jsonl")]
    [InlineData("""[{"from":"human","value":"Hi"},{"from":"gpt","value":"Yo"}]""", "a.json")]
    public void ListALine_IsAConversationALine(string line, string name)
    {
        var data = DataFixture.Load(_data.Write(name, $"{line}\n{line}\n\n{line}\n"));
        Assert.Equal(3, data.Train.Count);
        Assert.All(data.Train, row => Assert.Equal("<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧", DataFixture.Show(row)));
    }

    [Theory]
    [InlineData("""{"conversation":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}""")]
    [InlineData("""{"id":7,"data":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}""")]
    [InlineData("""{"rows":[{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}]}""")]
    [InlineData("""[[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]]""")]
    public void LoneConversation_IsOneRow(string content) => Assert.Equal(
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧",
        DataFixture.Show(Assert.Single(DataFixture.Load(_data.Write("a.json", content)).Train)));

    [Theory]
    [InlineData("""[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]""")]
    [InlineData("""[["Hi","Yo"]]""")]
    [InlineData("""{"role":"prompter","text":"Hi","message_id":"1","parent_id":null}""")]
    [InlineData("""{"messages":"hello"}""")]
    [InlineData("""{"messages":"hello","text":"t"}""")]
    [InlineData("""{"messages":[{"speaker":"a","words":"Hi"}]}""")]
    [InlineData("""{"question":"Is 0 even?"}""")]
    [InlineData("""{"question":"Is 0 even?","text":"A passage.","label":true}""")]
    [InlineData("""{"text":"What is 0?","answer":"zero"}""")]
    [InlineData("""{"id":1,"prompt":"Hi"}""")]
    [InlineData("""{"response":"Hi","score":1.5}""")]
    public void PartsOfAnotherShape_AreNeverText(string row) =>
        Assert.ThrowsAny<LorikeetException>(() => DataFixture.Load(_data.Write("a.json", row)));

    [Theory]
    [InlineData("label", "column_map answers=label")]
    [InlineData("answr", "column_map answers=answr")]
    public void QuestionWithoutAnAnswer_SaysHowToNameIt(string column, string advice)
    {
        var path = _data.Write("a.jsonl", $$"""{"question":"Is 0 even?","{{column}}":0}""");
        var message = Assert.Throws<DatasetException>(() => DataFixture.Load(path)).Message;
        Assert.Contains($"The dataset has: question, {column}.", message);
        Assert.Contains(advice, message);

        var map = new Dictionary<string, string> { ["answers"] = column };
        Assert.Equal(
            "<s> ### Human: Is 0 even? ### Assistant:⟦ 0</s>⟧",
            DataFixture.Show(DataFixture.Load(path, new DataOptions { ColumnMap = map }).Train[0]));
    }

    [Theory]
    [InlineData(
        """{"question":"Q?","answer":"WRONG","gold":"RIGHT"}""", "answer=gold",
        "<s> ### Human: Q? ### Assistant:⟦ RIGHT</s>⟧")]
    [InlineData(
        """{"Frage":"Q?","Antwort":"RIGHT"}""", "question=Frage,answer=Antwort",
        "<s> ### Human: Q? ### Assistant:⟦ RIGHT</s>⟧")]
    [InlineData("""{"a":"Q?","b":"RIGHT"}""", "query=a,response=b", "<s> ### Human: Q? ### Assistant:⟦ RIGHT</s>⟧")]
    [InlineData("""{"a":"Q?","b":"RIGHT"}""", "prompt=a,output=b", "<s> ### Human: Q? ### Assistant:⟦ RIGHT</s>⟧")]
    [InlineData(
        """{"a":[{"role":"user","content":"Q?"},{"role":"assistant","content":"RIGHT"}]}""", "conversations=a",
        "<s> ### Human: Q? ### Assistant:⟦ RIGHT</s>⟧")]
    [InlineData(
        """{"q":"Q?","o":["w","x"],"k":"B"}""", "question=q,options=o,answer=k",
        "<s> ### Human: Q?\nA. w\nB. x ### Assistant:⟦ B. x</s>⟧")]
    [InlineData(
        """{"q":"Q?","a":"RIGHT","s":"S"}""", "Question=q,answer=a,system_prompt=s",
        "<s> S ### Human: Q? ### Assistant:⟦ RIGHT</s>⟧")]
    public void MappedColumn_MayBeCalledByAnyOfItsNames(string row, string map, string expected) => Assert.Equal(
        expected,
        DataFixture.Show(
            DataFixture.Load(_data.Write("a.jsonl", row), new DataOptions { ColumnMap = Map(map) }).Train[0]));

    [Theory]
    [InlineData("""{"question":"Q?","answer":"A","x":"y"}""", "rejected=x", "no column for 'chosen'")]
    [InlineData("""{"text":"T","x":"y"}""", "text=text,answer=x", "no shape reads")]
    [InlineData("""{"question":"Q?","answer":"A","gold":"G"}""", "answer=answer,answers=gold", "the same column")]
    [InlineData("""{"question":"Q?","answer":"A"}""", "answer=nowhere", "There is no column 'nowhere'")]
    [InlineData("""{"question":"Q?","answer":"A","x":"y"}""", "nonsense=x", "which no shape reads")]
    public void MappingThatIsNotUsed_IsAnError(string row, string map, string message)
    {
        var path = _data.Write("a.jsonl", row);
        var fault = Assert.ThrowsAny<LorikeetException>(
            () => DataFixture.Load(path, new DataOptions { ColumnMap = Map(map) }));
        Assert.Contains(message, fault.Message);
    }

    [Theory]
    [InlineData(
        """{"question":"Q?","answer":"A","id":7,"hint":"H"}""",
        "question_answer (question, answer), format guanaco; not used: id, hint", false)]
    [InlineData(
        """{"instruction":"I","output":"O","question":"another"}""",
        "instruction (instruction, output), format alpaca; not used: question", true)]
    [InlineData(
        """{"instruction":"I","output":"O","prompt":"I"}""",
        "instruction (instruction, output), format alpaca; not used: prompt", false)]
    [InlineData(
        """{"prompt":"Hi","chosen":"Yo","rejected":"No"}""", "preference (chosen, rejected, prompt), format guanaco",
        false)]
    public void ColumnsThatAreNotUsed_AreSaid(string row, string summary, bool isWarned)
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", row));
        Assert.Equal(summary, data.ShapeSummary);
        Assert.Equal(isWarned, data.Warnings.Any(warning => warning.Contains("columns of text that are not used")));
    }

    [Fact]
    public void FirstRow_IsShownWithWhatIsLearned()
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", """{"question":"Hi\nthere","answer":"Yo"}"""));
        Assert.Equal(
            "<s> ### Human: Hi\\nthere ### Assistant:⟦ Yo</s>⟧",
            $"{data.Preview(1).Single()}".Replace("<s> <s>", "<s>"));
    }

    private static Dictionary<string, string> Map(string text) =>
        text.Split(',').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
}
