using MudBlazor;

namespace Lorikeet.Studio.Components;

/// <summary>Colours and letters; every pair of text and ground has the contrast that WCAG AA asks for.</summary>
internal static class StudioTheme
{
    private static readonly string[] s_letters =
        ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Ubuntu", "sans-serif"];

    /// <summary>The theme.</summary>
    public static MudTheme Instance { get; } = new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#0b6b57",
            Secondary = "#b3450b",
            Tertiary = "#3c5ba9",
            Success = "#14703a",
            Error = "#b3261e",
            Warning = "#8a5300",
            Info = "#1f5f99",
            Background = "#f7f8f7",
            Surface = "#ffffff",
            AppbarBackground = "#ffffff",
            AppbarText = "#1d2321",
            DrawerBackground = "#f7f8f7",
            DrawerText = "#37403d",
            DrawerIcon = "#4c5753",
            TextPrimary = "#1d2321",
            TextSecondary = "#525d59",
            ActionDefault = "#4c5753",
            LinesDefault = "#dfe4e2",
            TableLines = "#e4e9e7",
            Divider = "#dfe4e2",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#5fd0b3",
            PrimaryContrastText = "#06251d",
            Secondary = "#ff9d66",
            SecondaryContrastText = "#2e1200",
            Tertiary = "#9db6f5",
            Success = "#6fd394",
            SuccessContrastText = "#06251d",
            Error = "#ff8a80",
            ErrorContrastText = "#370905",
            Warning = "#f0b454",
            WarningContrastText = "#2c1b00",
            Info = "#86bdf0",
            InfoContrastText = "#06203a",
            Background = "#121716",
            Surface = "#1a201f",
            AppbarBackground = "#1a201f",
            AppbarText = "#e3e8e6",
            DrawerBackground = "#121716",
            DrawerText = "#c7cfcc",
            DrawerIcon = "#a9b3af",
            TextPrimary = "#e3e8e6",
            TextSecondary = "#a9b3af",
            ActionDefault = "#a9b3af",
            LinesDefault = "#303936",
            TableLines = "#2b3431",
            Divider = "#303936",
        },
        LayoutProperties = new LayoutProperties { DefaultBorderRadius = "8px", AppbarHeight = "56px" },
        Typography = new Typography
        {
            Default = new DefaultTypography { FontFamily = s_letters, FontSize = ".9375rem", LineHeight = "1.5" },
            H1 = new H1Typography
            { FontFamily = s_letters, FontSize = "1.5rem", FontWeight = "650", LineHeight = "1.3" },
            H2 = new H2Typography
            { FontFamily = s_letters, FontSize = "1.1rem", FontWeight = "650", LineHeight = "1.4" },
            H3 = new H3Typography { FontFamily = s_letters, FontSize = "1rem", FontWeight = "600", LineHeight = "1.4" },
            Body1 = new Body1Typography { FontFamily = s_letters, FontSize = ".9375rem", LineHeight = "1.5" },
            Body2 = new Body2Typography { FontFamily = s_letters, FontSize = ".875rem", LineHeight = "1.5" },
            Button = new ButtonTypography
            {
                FontFamily = s_letters,
                FontSize = ".9rem",
                FontWeight = "600",
                TextTransform = "none",
                LetterSpacing = "0",
            },
        },
    };
}
