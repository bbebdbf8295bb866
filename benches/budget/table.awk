# Reads stages.tsv, what was counted before and after, and the samples; prints a row for each thread and stage, in nanoseconds an order.
BEGIN { FS = "\t" }

FNR == 1 { file++ }

file == 1 && /^(program|kernel)\t/ { rules++; where[rules] = $1; stage[rules] = $2; expression[rules] = $3 }

file == 2 || file == 3 {
  sign = file == 2 ? -1 : 1
  if (FNR == 1) orders += sign * $1
  else if (FNR == 2) elapsed += sign * $1
  else { spent[$1] += sign * $2; ended[$1] = file == 2 }
}

# A stack: a line with the name of its thread, its functions from the innermost out, an empty line.
file == 4 {
  if ($0 ~ /^[^ \t]/) { thread = $0; sub(/[ \t]+$/, "", thread); depth = kernel = 0; leaf = chain = "" }
  else if ($0 ~ /^$/) { if (thread != "") count(); thread = "" }
  else {
    line = $0; sub(/^[ \t]+/, "", line)
    address = line; sub(/ .*/, "", address); name = line; sub(/^[0-9a-f]+ /, "", name)
    inside = address ~ /^ffff/
    if (depth == 0) { kernel = inside; leaf = name }
    if (inside) chain = chain "\n" name
    depth++
  }
}

function count(    rule, found) {
  found = "other"
  for (rule = 1; rule <= rules; rule++)
    if (kernel ? where[rule] == "kernel" && chain ~ expression[rule] : where[rule] == "program" && leaf ~ expression[rule]) {
      found = stage[rule]
      break
    }
  if (kernel) { found = "kernel: " found; inKernel++ }
  samples[thread, found]++
  all[thread]++
  seen[found] = 1
}

function row(name, what, nanoseconds) {
  printf "| %s | %s | %.0f |\n", name, what, nanoseconds | sort
}

# The stages of a thread; what is less than a two-hundredth of the whole is summed up.
function stages_of(name, each,    short, what, part, small) {
  # perf shows no more of a name than the kernel keeps.
  short = substr(name, 1, 15)
  if (!all[short]) { row(name, "all of it", each); return }
  for (what in seen) {
    part = each * samples[short, what] / all[short]
    if (part < whole / 200) small += part
    else row(name, what, part)
  }
  if (small >= 1) row(name, "the rest, each less than a two-hundredth", small)
}

END {
  if (orders <= 0) { print "no orders were counted" > "/dev/stderr"; exit 1 }
  if (!inKernel) { print "no sample is the kernel's: perf may not show it, run this as root" > "/dev/stderr"; exit 1 }
  whole = processors * elapsed / orders
  sort = "sort -t'|' -k2,2 -k4,4nr"
  printf "%.0f orders in %.1f s, %.0f/s; %d processors: %.0f ns of them an order\n\n", orders, elapsed / 1e9, orders * 1e9 / elapsed, processors, whole
  print "| thread | stage | ns an order |\n|---|---|---:|"
  fflush()
  for (name in spent) {
    # What a thread took that has ended meanwhile is not known.
    if (ended[name]) continue
    each = spent[name] / orders
    sum += each
    if (each < whole / 200) others += each
    else stages_of(name, each)
  }
  if (others >= 1) row("others", "all of it", others)
  close(sort)
  printf "| | all threads | %.0f |\n| | idle, and what else the machine did | %.0f |\n| | **the whole** | %.0f |\n", sum, whole - sum, whole
}
