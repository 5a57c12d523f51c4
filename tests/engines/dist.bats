# make dist, as a whole: two directories, the same bytes; both libraries.

load ../helpers

needs() { need git musl-gcc gcc; }

@test "make dist: the same bytes from the same commit, built in two directories" {
    for place in one other/place; do
        git clone -q "$ROOT" $place
        try within "$place/tests/dist" build "$PWD/$place.out" 1
        assert "status: $stderr" "$status" 0
        assert "stderr" "$stderr" ""
    done
    cmp one.out/*.tar.gz other/place.out/*.tar.gz
    tar -xzf one.out/*.tar.gz
    file=$(echo dznohup-*)
    [ "$(uname -m)" != x86_64 ] || [ -s "$file/lib32/libdz.so" ]
    for program in dznohup dzctl; do
        assert "what $program needs" "$(readelf -d "$file/bin/$program" | grep NEEDED)" ""
        refute grep -qaF "$PWD" "$file/bin/$program"
    done
}
