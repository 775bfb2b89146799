@echo off
rem Starts Lorikeet; builds it first when it was never built or a source changed since.
setlocal
set "here=%~dp0"
set "program=%here%artifacts\bin\Lorikeet.Cli\release\Lorikeet.Cli.dll"
set "stamp=%here%artifacts\lorikeet.stamp"
set DOTNET_NOLOGO=1
set DOTNET_CLI_TELEMETRY_OPTOUT=1
set LORIKEET_COMMAND=%0

where dotnet >nul 2>nul
if errorlevel 1 (
    echo The .NET 10 SDK is not installed. Get it from https://dotnet.microsoft.com/download/dotnet/10.0, then run this again. 1>&2
    exit /b 3
)

if not exist "%program%" goto build
if not exist "%stamp%" goto build
powershell -NoProfile -Command "$built = (Get-Item -LiteralPath $env:stamp).LastWriteTime; $sources = (Join-Path $env:here 'src'), (Join-Path $env:here 'Directory.Build.props'), (Join-Path $env:here 'Directory.Packages.props'), (Join-Path $env:here 'global.json'); if (Get-ChildItem -LiteralPath $sources -Recurse | Where-Object LastWriteTime -gt $built | Select-Object -First 1) { exit 1 }"
if not errorlevel 1 goto start

:build
if exist "%program%" (echo Building Lorikeet ... 1>&2) else (echo Building Lorikeet; this once, libtorch is downloaded ... 1>&2)
if not exist "%here%artifacts" mkdir "%here%artifacts"
rem The version comes from git's tags; without git it is that of an untagged copy.
where git >nul 2>nul
if errorlevel 1 set MinVerSkip=true
type nul > "%stamp%.new"
dotnet build "%here%src\Lorikeet.Cli" -c Release -v quiet --nologo > "%here%artifacts\build.log" 2>&1
if errorlevel 1 (
    type "%here%artifacts\build.log" 1>&2
    echo The build failed; the messages above say why. 'dotnet --version' must be that of global.json or newer. 1>&2
    exit /b 3
)
move /y "%stamp%.new" "%stamp%" >nul

:start
dotnet "%program%" %*
exit /b %errorlevel%
