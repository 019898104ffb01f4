#!/bin/sh
# Removes what the packages bring and nothing here runs: C++ headers of TensorFlow and pyarrow, the
# Clang that TensorFlow names as a dependency and never loads, other libraries' own tests.
set -eu
packages="$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
rm -rf "$packages/tensorflow/include" "$packages/pyarrow/include" "$packages/clang"
for library in matplotlib numpy pandas pyarrow scipy; do
  find "$packages/$library" -type d -name tests -prune -exec rm -rf {} +
done
