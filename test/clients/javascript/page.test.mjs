// Runs the examples of docs/javascript.md with node-postgres against the server that PGHOST, PGPORT, PGUSER and
// PGDATABASE name, so that none of them is wrong:
//
//     node --test-reporter=tap page.test.mjs ../../../docs/javascript.md
//
// The convention, for those who write examples:
//
//   - The ```sql blocks are run first, from top to bottom.
//   - The first ```js block is how every program begins. Each further one is run behind it, as a program of its own,
//     and must print what the ```text block right after it says.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';

const page = await readFile(process.argv[2], 'utf8');

// The code blocks of the page: { language, code, line, after }, where after is what stands between the block before
// it and this one.
function blocksOf(text) {
  let end = 0;
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map((match) => {
    const block = {
      language: match[1],
      code: match[2],
      line: text.slice(0, match.index).split('\n').length,
      after: text.slice(end, match.index).trim(),
    };
    end = match.index + match[0].length;
    return block;
  });
}

// What the block at this place is to print: undefined if the page does not say.
function expectedOf(blocks, place) {
  const next = blocks[place + 1];
  return next?.language === 'text' && next.after === '' ? next.code : undefined;
}

async function outputOf(program, name) {
  const file = new URL(`./${name}.mjs`, import.meta.url);
  await writeFile(file, program);
  const { stdout } = await promisify(execFile)(process.execPath, [file.pathname], { timeout: 60_000 });
  return stdout;
}

const blocks = blocksOf(page);
const beginning = blocks.find((block) => block.language === 'js').code;

before(async () => {
  const client = new pg.Client();
  await client.connect();
  for (const { language, code } of blocks) if (language === 'sql') await client.query(code);
  await client.end();
});

for (const [place, { language, code, line }] of blocks.entries()) {
  if (language !== 'js' || code === beginning) continue;
  test(`docs/javascript.md:${line}`, async () => {
    const expected = expectedOf(blocks, place);
    assert.notEqual(expected, undefined, 'the page does not say what it prints');
    const program = `${beginning}\n${code}\nawait client.end();\n`;
    assert.equal(await outputOf(program, `line-${line}`), expected);
  });
}
