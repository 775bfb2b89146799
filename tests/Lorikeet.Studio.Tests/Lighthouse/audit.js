// Scores of Lighthouse for every page of a studio that runs: performance and accessibility, in both languages, as a
// desktop and as a phone. Ends with 1 where a score is below 95.
//
//   npm ci
//   node audit.js http://127.0.0.1:8090/ [run, another run]     the runs are shown, compared and exported
//
// Performance is measured in time, so on a machine that does nothing else, and RUNS times (5): the median counts, as
// Lighthouse advises. CATEGORIES=accessibility leaves it out; PAGES names pages (data,new,runs,compare,playground,
// export); REPORTS a folder for Lighthouse's own reports.
import { writeFileSync } from 'node:fs';
import lighthouse, { desktopConfig } from 'lighthouse';
import { computeMedianRun } from 'lighthouse/core/lib/median-run.js';
import * as chrome from 'chrome-launcher';

const least = 95;
const [address, first = 'first', second = 'second'] = process.argv.slice(2);
if (!address) {
  console.error('The address of a running studio was expected, such as http://127.0.0.1:8090/.');
  process.exit(2);
}

const pages = [
  'data', 'new', '', `runs/${first}`, `compare?run=${first}&run=${second}`, 'playground', `export?run=${first}`,
];
const presets = { desktop: desktopConfig, mobile: undefined };
const categories = process.env.CATEGORIES?.split(',') ?? ['performance', 'accessibility'];
const times = categories.includes('performance') ? Number(process.env.RUNS ?? 5) : 1;
const only = process.env.PAGES?.split(',');
const nameOf = page => page.split(/[/?]/)[0] || 'runs';

const browser = await chrome.launch({
  chromePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromeFlags: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic'],
});
let isGood = true;
for (const page of pages.filter(page => only?.includes(nameOf(page)) ?? true)) {
  for (const language of ['en', 'vi']) {
    for (const [preset, config] of Object.entries(presets)) {
      const runs = [];
      while (runs.length < times) {
        runs.push((await lighthouse(new URL(page, address).href, {
          port: browser.port,
          onlyCategories: categories,
          extraHeaders: { Cookie: `language=${language}` },
        }, config)).lhr);
      }

      const lhr = times > 1 ? computeMedianRun(runs) : runs[0];
      const scores = categories.map(category => Math.round(100 * lhr.categories[category].score));
      isGood &&= scores.every(score => score >= least);
      console.log(`${`/${page}`.padEnd(40)} ${language}  ${preset.padEnd(7)}  ${scores.join('  ')}`);
      for (const audit of costs(lhr))
        console.log(`    ${audit.id}: ${audit.displayValue ?? audit.title}`);
      if (process.env.REPORTS)
        writeFileSync(`${process.env.REPORTS}/${nameOf(page)}-${language}-${preset}.json`, JSON.stringify(lhr));
    }
  }
}
browser.kill();
process.exit(isGood ? 0 : 1);

// What a score below 100 is due to.
function costs(lhr) {
  return categories.flatMap(category => lhr.categories[category].auditRefs)
    .filter(reference => reference.weight > 0)
    .map(reference => lhr.audits[reference.id])
    .filter(audit => audit.score !== null && audit.score < 0.9);
}
