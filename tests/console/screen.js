// SPDX-License-Identifier: BSL-1.0
// What a terminal shows after standard input was written to it: node screen.js ROWS COLUMNS. It knows the sequences
// that the console uses, and stops at any other. Rows that have left the screen at the top are shown, too.
const [rows, columns] = process.argv.slice(2).map(Number);
const text = require("fs").readFileSync(0, "utf8");
const gone = [];
const screen = Array.from({ length: rows }, () => "");
let row = 0, column = 0, saved = [0, 0];

function down() {
    if (row < rows - 1) return void row++;
    gone.push(screen.shift());
    screen.push("");
}

const sequences = [
    [/^\x1b\[[0-9]*m/, () => {}],
    [/^\x1b\[\?2004[hl]/, () => {}],
    [/^\x1bD/, down],
    [/^\x1b7/, () => { saved = [row, column]; }],
    [/^\x1b8/, () => { [row, column] = saved; }],
    [/^\x1b\[A/, () => { row = Math.max(row - 1, 0); }],
    [/^\x1b\[B/, () => { row = Math.min(row + 1, rows - 1); }],
    [/^\x1b\[K/, () => { screen[row] = screen[row].slice(0, column); }],
    [/^\x1b\[L/, () => { screen.splice(row, 0, ""); screen.pop(); column = 0; }],
    [/^\x1b\[M/, () => { screen.splice(row, 1); screen.push(""); column = 0; }],
    [/^\r/, () => { column = 0; }],
    [/^\n/, down],
    [/^[^\x00-\x1f]/u, ([character]) => {
        if (column === columns) { column = 0; down(); }
        screen[row] = screen[row].padEnd(column).slice(0, column) + character + screen[row].slice(column + 1);
        column++;
    }],
];

for (let at = 0; at < text.length;) {
    const rest = text.slice(at, at + 20);
    const [pattern, action] = sequences.find(([pattern]) => pattern.test(rest)) || [];
    if (!pattern) throw new Error("unknown: " + JSON.stringify(rest));
    const found = rest.match(pattern)[0];
    action(found);
    at += found.length;
}
console.log([...gone, ...screen].map((line) => line.trimEnd()).join("\n"));
