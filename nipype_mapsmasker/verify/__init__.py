# SPDX-License-Identifier: Apache-2.0
"""Results against nilearn: a folder's runs done again with the reference, and the differences."""

from nipype_mapsmasker.verify.compare import Comparison, verify_folder

__all__ = ["Comparison", "verify_folder"]
