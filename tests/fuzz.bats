# What reads outside input, on the inputs that fuzzing has found worth keeping; see
# tests/fuzz.  `make fuzz` looks for more.

# With a build of its own.
# bats file_tags=unsanitized
load helpers

@test "each fuzz target takes its corpus, under ASan and UBSan" {
    need clang g++ objcopy
    try env -u MAKEFLAGS -u MAKELEVEL make -s -C "$ROOT" FUZZ_BUILD="$PWD/fuzz" \
        FUZZ_SECONDS=0 fuzz 3>&- 4>&-
    echo "$output" "$stderr"
    assert status "$status" 0
    targets=$(find "$TESTS/fuzz" -name '*.c' | wc -l)
    inputs=$(find "$TESTS/fuzz/corpus" -type f | wc -l)
    summary=${output##*$'\n'}
    assert_match summary "$summary" "$targets targets, * executions, 0 findings"
    executions=${summary#* targets, }
    # libFuzzer adds an empty one to each.
    [ "${executions%% *}" -ge $((inputs + targets)) ]
}
