return await Lorikeet.Cli.CommandLine.RunAsync(args);
