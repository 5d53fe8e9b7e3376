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
