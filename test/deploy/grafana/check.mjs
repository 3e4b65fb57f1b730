// node check.mjs FILE: says what is wrong with a dashboard by the types of schema.ts, and exits 1 when something is.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const text = readFileSync(process.argv[2], 'utf8');
JSON.parse(text); // throws where it is not JSON, which TypeScript is laxer about

const name = join(dirname(fileURLToPath(import.meta.url)), 'dashboard.generated.ts'); // in memory only
const head = "import type { Dashboard } from './schema';\n";
const source = `${head}export const dashboard: Dashboard = ${text};\n`;

const options = {
  strict: true, noEmit: true, skipLibCheck: true, types: [],
  target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
host.fileExists = (file) => file === name || fileExists(file);
host.getSourceFile = (file, ...rest) =>
  file === name ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022, true) : getSourceFile(file, ...rest);

const found = ts.getPreEmitDiagnostics(ts.createProgram([name], options, host));
for (const problem of found) {
  const line = problem.file ? problem.file.getLineAndCharacterOfPosition(problem.start).line : 0;
  console.error(`line ${line}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`);
}
process.exitCode = found.length > 0 ? 1 : 0;
