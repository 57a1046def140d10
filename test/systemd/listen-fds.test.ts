import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { tagged, withDescriptors } from '../support/files.ts';
import { startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

interface Report {
  readonly calls: readonly unknown[];
  readonly inodes: readonly number[];
  readonly closeOnExec: readonly boolean[];
  readonly variables: readonly string[];
}

const ALL = ['LISTEN_FDNAMES', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_PIDFDID'];

/** What a process finds that is started with some variables, in which `$$` is its own number, and descriptors. */
async function started(variables: readonly string[], fds: readonly number[]): Promise<Report> {
  const prefix = ['sh', '-c', `${variables.map((one) => `export ${one}; `).join('')}exec "$@"`, 'sh'];
  const { code, stdout, stderr } = await startFixture('listen-fds.ts', {
    args: [`${fds.length}`],
    fds,
    prefix,
  }).exit;
  assert.deepEqual([code, stderr], [0, '']);
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual(
    report.inodes,
    fds.map((fd) => fstatSync(fd).ino),
    'the descriptors are open and the same',
  );
  return report;
}

interface Case {
  readonly title: string;
  readonly variables: readonly string[];
  readonly calls: readonly unknown[];
  /** Whether the descriptors are taken. */
  readonly taken: boolean;
  /** Whether the variables stay. */
  readonly kept?: boolean;
}

const CASES: readonly Case[] = [
  {
    title: 'gives descriptors and their names, once',
    variables: ['LISTEN_PID=$$', 'LISTEN_FDS=2', 'LISTEN_FDNAMES=http:https', 'LISTEN_PIDFDID=1'],
    calls: [
      [
        { fd: 3, name: 'http' },
        { fd: 4, name: 'https' },
      ],
      'nothing',
    ],
    taken: true,
  },
  {
    title: 'without names',
    variables: ['LISTEN_PID=$$', 'LISTEN_FDS=2'],
    calls: [[{ fd: 3 }, { fd: 4 }], 'nothing'],
    taken: true,
  },
  {
    title: 'with names for some',
    variables: ['LISTEN_PID=$$', 'LISTEN_FDS=2', 'LISTEN_FDNAMES=:second:third'],
    calls: [[{ fd: 3 }, { fd: 4, name: 'second' }], 'nothing'],
    taken: true,
  },
  {
    title: 'of a manager that passes none',
    variables: ['LISTEN_PID=$$', 'LISTEN_FDS=0', 'LISTEN_FDNAMES='],
    calls: [[], 'nothing'],
    taken: false,
  },
  {
    title: 'meant for another process',
    variables: ['LISTEN_PID=1', 'LISTEN_FDS=2', 'LISTEN_FDNAMES=a:b'],
    calls: ['nothing', 'nothing'],
    taken: false,
  },
  {
    title: 'meant for nobody',
    variables: ['LISTEN_FDS=2', 'LISTEN_FDNAMES=a:b'],
    calls: ['nothing', 'nothing'],
    taken: false,
  },
  {
    title: 'without a number',
    variables: ['LISTEN_PID=$$', 'LISTEN_FDNAMES=a:b'],
    calls: ['nothing', 'nothing'],
    taken: false,
  },
  { title: 'without a manager', variables: [], calls: ['nothing', 'nothing'], taken: false },
  ...['', '-1', '2x', '1.5', ' 2', '0x2', '9999999999'].map((number) => ({
    title: `a number of descriptors that is none, ${JSON.stringify(number)}`,
    variables: ['LISTEN_PID=$$', `LISTEN_FDS='${number}'`],
    calls: ['ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_VALUE'],
    taken: false,
    kept: true,
  })),
  {
    title: 'more descriptors than are open, none of which is changed',
    variables: ['LISTEN_PID=$$', 'LISTEN_FDS=2000000000'],
    calls: ['EBADF', 'EBADF'],
    taken: false,
    kept: true,
  },
];

suite('listenFDs', (test) => {
  for (const { title, variables, calls, taken, kept = false } of CASES) {
    test(title, () =>
      withDescriptors([tagged(1), tagged(2)], async (...fds) => {
        const report = await started(variables, fds);
        assert.deepEqual(report.calls, calls);
        assert.deepEqual(report.closeOnExec, [taken, taken]);
        const given = ALL.filter((name) => variables.some((one) => one.startsWith(`${name}=`)));
        assert.deepEqual(report.variables.toSorted(), kept ? given : []);
      }),
    );
  }
});
