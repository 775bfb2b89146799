namespace Lorikeet.Documents.Questions;

/// <summary>Why a row that was written, or all of a passage, is not kept.</summary>
public enum RejectReason
{
    /// <summary>The answer of the writer was not JSON of the form that was asked for, at any try.</summary>
    NotOfTheForm,

    /// <summary>There is no question.</summary>
    NoQuestion,

    /// <summary>The question has no answer.</summary>
    NoAnswer,

    /// <summary>The quote does not stand in the passage.</summary>
    QuoteNotFound,

    /// <summary>Words or numbers of the answer do not stand in the passage.</summary>
    AnswerNotSupported,

    /// <summary>The question speaks of "the passage", which nobody will see who is asked it.</summary>
    NotSelfContained,

    /// <summary>The same question was asked before.</summary>
    RepeatedQuestion,
}
