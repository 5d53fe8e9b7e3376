import { join } from "node:path";
import ts from "typescript";

const ROOT = join(__dirname, "../..");

/** The project's own, but for what a short program may leave unused. */
export const COMPILER_OPTIONS: ts.CompilerOptions = {
  ...ts.getParsedCommandLineOfConfigFile(join(ROOT, "tsconfig.json"), {}, ts.sys as never)?.options,
  noEmit: true,
  noUnusedLocals: false,
  noUnusedParameters: false,
};

/** Something that the compiler says of a program. */
export interface Mistake {
  readonly file: string;
  readonly text: string;
}

/**
 * What the compiler says of programs that are on no disk.
 *
 * @param files text by path; they see each other, and all that stands beside them.
 */
export function mistakesIn(
  files: ReadonlyMap<string, string>,
  options: ts.CompilerOptions = COMPILER_OPTIONS,
): readonly Mistake[] {
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => files.has(file) || disk.fileExists(file),
    readFile: (file) => files.get(file) ?? disk.readFile(file),
    getSourceFile: (file, version, ...rest) => {
      const text = files.get(file);
      return text === undefined
        ? disk.getSourceFile(file, version, ...rest)
        : ts.createSourceFile(file, text, version);
    },
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((file) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map((found) => ({ file, text: textOf(found) })),
  );
}

/** All that a finding of the compiler says. */
export function textOf({ messageText }: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(messageText, "\n");
}

/** What an editor shows of a program that is being written. */
export interface Editor {
  /** What the compiler says of `text`, from the top. */
  mistakesIn(text: string): readonly string[];
  /** The names that are offered where `text` has `|>`, in an object or in quotes. */
  namesOfferedIn(text: string): readonly string[];
}

/** An editor with one file, which stands at `path` for its imports; opening it takes seconds. */
export function openEditor(path: string, options: ts.CompilerOptions = COMPILER_OPTIONS): Editor {
  let program = "";
  let version = 0;
  const service = ts.createLanguageService({
    fileExists: (file) => ts.sys.fileExists(file),
    readFile: (file) => ts.sys.readFile(file),
    directoryExists: (folder) => ts.sys.directoryExists(folder),
    getDirectories: (folder) => ts.sys.getDirectories(folder),
    getCurrentDirectory: () => ROOT,
    getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
    getCompilationSettings: () => options,
    getScriptFileNames: () => [path],
    getScriptVersion: (file) => (file === path ? String(version) : ""),
    getScriptSnapshot: (file) => {
      const text = file === path ? program : ts.sys.readFile(file);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
  });
  const write = (text: string): void => {
    program = text;
    version++;
  };
  return {
    mistakesIn(text) {
      write(text);
      return service
        .getSemanticDiagnostics(path)
        .toSorted((a, b) => a.start! - b.start!)
        .map(textOf);
    },
    namesOfferedIn(text) {
      write(text.replace("|>", ""));
      const offered = service.getCompletionsAtPosition(path, text.indexOf("|>"), undefined);
      return (offered?.entries ?? []).map(({ name }) => name).toSorted();
    },
  };
}
