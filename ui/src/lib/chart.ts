/**
 * The arithmetic behind the charts: rates over days, scales and their ticks.
 * Pure: it draws nothing and knows no colour.
 */
import type { Band } from '../gen/Band';
import type { Day } from '../gen/Day';

/** What keeps a reviewer awake and not worn out, in percent of the questions. */
export const BAND = { from: 10, to: 15 } as const;
/** Below and above these a rate is warned about, in percent. */
export const FAR = { below: 5, above: 20 } as const;
/** How many days a point of the rate looks back on: one day alone jumps too much. */
export const WINDOW = 7;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Where a rate lies, in words, and in what tone. */
export const bandWords: Record<Band, { word: string; tone: 'low' | 'mid' | 'high' | 'plain' }> = {
  too_few: { word: 'too few to judge', tone: 'plain' },
  far_below: { word: 'under 5 %', tone: 'mid' },
  below: { word: 'below the band', tone: 'plain' },
  within: { word: 'in the band', tone: 'low' },
  above: { word: 'above the band', tone: 'plain' },
  far_above: { word: 'over 20 %', tone: 'high' },
};

/** A share of 0 to 1 as percent for reading: `0 %`, `0.4 %`, `12.3 %`, `100 %`. */
export function share(of: number): string {
  const percent = of * 100;
  // What is not all is not rounded to all.
  const shown = percent < 100 && percent >= 99.95 ? 99.9 : Math.round(percent * 10) / 10;
  return `${String(percent > 0 && shown === 0 ? 0.1 : shown)} %`;
}

/** `2026-11-17` as `17 Nov`, with the year where it is asked for; what is no date stays as it is. */
export function dayWords(day: string, year = false): string {
  const [, y, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/u.exec(day) ?? [];
  if (y === undefined || month === undefined || date === undefined) return day;
  return `${String(Number(date))} ${MONTHS[Number(month) - 1] ?? month}${year ? ` ${y}` : ''}`;
}

/** One day, and the shares of the days up to it; `null` where nothing was asked in them. */
export interface Rate {
  day: Day;
  discretionary: number | null;
  mandatory: number | null;
}

/** The shares in percent, each over the last `window` days. */
export function rates(days: readonly Day[], window = WINDOW): Rate[] {
  const sum = { questions: 0, discretionary: 0, mandatory: 0 };
  return days.map((day, index) => {
    const gone = days[index - window];
    for (const part of ['questions', 'discretionary', 'mandatory'] as const) sum[part] += day[part] - (gone?.[part] ?? 0);
    const of = (held: number) => (sum.questions === 0 ? null : (held / sum.questions) * 100);
    return { day, discretionary: of(sum.discretionary), mandatory: of(sum.mandatory) };
  });
}

/** The upper end of an axis in percent that all of these fit under, with the band in it. */
export function ceiling(values: readonly (number | null)[]): number {
  const most = values.reduce<number>((top, value) => Math.max(top, value ?? 0), 0);
  return Math.min(100, Math.max(25, Math.ceil((most + 1) / 10) * 10));
}

/** Whole steps from 0 to the end of such an axis, about five of them. */
export function percentTicks(end: number): number[] {
  const step = end <= 30 ? 5 : end <= 60 ? 10 : 20;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
}

/** Which of `many` places get a label where `most` have room: evenly, and the last one always. */
export function labelled(many: number, most: number): number[] {
  const step = Math.max(1, Math.ceil(many / Math.max(1, most)));
  return Array.from({ length: Math.ceil(many / step) }, (_, index) => many - 1 - index * step).reverse();
}

/** A line through what is known; it breaks where nothing is. A lone point is a dot of its own. */
export function line(points: readonly (readonly [x: number, y: number] | null)[]): string {
  let pen = false;
  return points
    .map((point) => {
      if (point === null) {
        pen = false;
        return '';
      }
      const to = `${pen ? 'L' : 'M'}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
      pen = true;
      return to;
    })
    .join('');
}

/** Seconds on a scale of ratios, 1 s at 0 and `end` at 1; less than a second lies on the edge. */
export function onScale(seconds: number, end: number): number {
  return Math.min(1, Math.log(Math.max(1, seconds)) / Math.log(end));
}

/** The marks of such a scale, up to `end`. */
export function timeTicks(end: number): { at: number; word: string }[] {
  const all = [
    { at: 1, word: '1 s' }, { at: 4, word: '4 s' }, { at: 15, word: '15 s' }, { at: 60, word: '1 min' }, { at: 240, word: '4 min' },
    { at: 900, word: '15 min' }, { at: 3600, word: '1 h' }, { at: 14_400, word: '4 h' }, { at: 86_400, word: '1 d' },
  ];
  return all.filter((tick) => tick.at <= end);
}

/** The end of a scale of ratios that these seconds fit on, at a mark of it. */
export function timeEnd(seconds: readonly number[]): number {
  const most = seconds.reduce((top, one) => Math.max(top, one), 240);
  return [240, 900, 3600, 14_400].find((end) => most <= end) ?? 86_400;
}

/** A short time for reading: `under 1 s`, `3.4 s`, `42 s`, `9 min`, `2 h 5 min`. */
export function seconds(time: number): string {
  if (time < 1) return 'under 1 s';
  if (time < 10) return `${String(Math.round(time * 10) / 10)} s`;
  if (time < 120) return `${String(Math.round(time))} s`;
  const minutes = Math.round(time / 60);
  if (minutes < 60) return `${String(minutes)} min`;
  const rest = minutes % 60;
  return `${String(Math.floor(minutes / 60))} h${rest > 0 ? ` ${String(rest)} min` : ''}`;
}
