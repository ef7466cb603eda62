"""Why an uploaded file is not read as a spreadsheet: each reason with its own sentence."""

from portal.refusals import Refusal


class WorkbookRefusal(Refusal):
    """The uploaded file cannot be read as a spreadsheet. Base of the reasons below."""

    message = "这个文件读不出来。请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。"


class EmptyFile(WorkbookRefusal):
    message = "这个文件是空的，没有任何内容。请确认选对了文件再上传。"


class NotSpreadsheet(WorkbookRefusal):
    message = "这个文件不是电子表格。请上传 .xlsx、.xls 或 .csv 文件。"


class RenamedFile(WorkbookRefusal):
    """The content does not fit the file's extension."""


class BrokenFile(WorkbookRefusal):
    message = (
        "这个表格文件已损坏或没有传完整，打不开。"
        "请在电脑上用 Excel 或 WPS 打开检查，另存为 .xlsx 后再上传。"
    )


class EncryptedFile(WorkbookRefusal):
    message = (
        "这个表格设有打开密码（已加密），无法读取。请在 Excel 或 WPS 里取消密码，保存后再上传。"
    )


class MacroFile(WorkbookRefusal):
    message = (
        "这个表格带有宏，为安全起见不接收。请另存为不带宏的「Excel 工作簿（.xlsx）」后再上传。"
    )


class BombFile(WorkbookRefusal):
    message = (
        "这个文件解压后大得不正常，疑似压缩炸弹，已拒绝读取。"
        "请把需要的内容复制到新建的表格里再上传。"
    )


class OnlyPictures(WorkbookRefusal):
    message = (
        "这个表格里只有图片，没有文字，系统读不出图片里的内容。请把名单和签到情况录成文字后再上传。"
    )


class HostileFile(WorkbookRefusal):
    message = (
        "这个文件的内部结构不正常（含有正常表格不会有的成分），为安全起见已拒绝读取。"
        "请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。"
    )


class UnsupportedFormat(WorkbookRefusal):
    """A spreadsheet, but of a kind that is not read here."""


class WrongEncoding(WorkbookRefusal):
    message = (
        "这个文本文件的编码无法识别。请在 Excel 或 WPS 里打开，"
        "另存为 .xlsx，或另存为 UTF-8 编码的 .csv 后再上传。"
    )


class UnbalancedQuotes(WorkbookRefusal):
    message = "这个 .csv 文件里的引号没有成对，无法分清各列。请另存为 .xlsx 后再上传。"


class TooLarge(WorkbookRefusal):
    """More bytes, rows or columns than a sheet of people can need."""


class TooSlow(WorkbookRefusal):
    message = (
        "读取这个文件用时过长，已停止。请删去多余的工作表、空行和格式，"
        "或把内容复制到新建的表格里再上传。"
    )


class ReaderCrashed(WorkbookRefusal):
    message = (
        "读取这个文件时内存不足或内容异常，已停止，什么也没有保存。"
        "可能是很远的单元格里有内容；请把需要的部分复制到新建的表格里再上传。"
    )


FOREIGN = {
    "html": "网页（HTML），不是真正的 Excel 表格；有些办公系统导出的 .xls 就是这样",
    "pdf": "PDF 文件",
    "image": "图片",
    "word": "Word 文档",
    "slides": "演示文稿",
    "archive": "压缩包",
    "program": "程序或数据库文件",
    "xml": "XML 文件",
    "ofd": "OFD 版式文件",
    "csv": "纯文本（逗号或制表符分隔）",
    "ole": "其他办公软件的文件",
    "binary": "无法识别的数据",
}
UNSUPPORTED = {
    "ods": ".ods（OpenDocument 表格）",
    "xlsb": ".xlsb（二进制工作簿）",
    "xml2003": "XML 表格 2003",
}
PLAIN = {
    "encrypted": EncryptedFile,
    "macros": MacroFile,
    "bomb": BombFile,
    "pictures": OnlyPictures,
    "hostile": HostileFile,
    "quotes": UnbalancedQuotes,
    "memory": ReaderCrashed,
    "broken": BrokenFile,
}
TEXT_EXTENSIONS = ("csv", "txt", "tsv", "")
EXCEL_EXTENSIONS = ("xlsx", "xls", "et", "xlsm", "xlt", "xltx", "ett")
OWN_NAMES = {"xlsx": ("xlsx", "xltx"), "xls": ("xls", "xlt", "et", "ett")}


def refusal(code: str, detail: str, extension: str) -> WorkbookRefusal:
    """What is wrong with a file, from the code and detail of its reader."""
    if code in PLAIN:
        return PLAIN[code]()
    if code == "too_wide":
        return TooLarge(f"表格有 {detail} 列，超过能读取的列数。请删去右侧多余的列后再上传。")
    if code in ("too_long", "too_large"):
        return TooLarge(f"表格太大（{detail} 行或单元格），超过能读取的范围。请分成几个文件上传。")
    if code == "foreign" and detail in UNSUPPORTED:
        return UnsupportedFormat(
            f"这是 {UNSUPPORTED[detail]} 格式，暂不支持。"
            "请用 Excel 或 WPS 打开，另存为 .xlsx 后再上传。"
        )
    if code == "foreign" and detail == "binary" and extension in TEXT_EXTENSIONS:
        return WrongEncoding()
    if code == "foreign" and extension in (*EXCEL_EXTENSIONS, "csv"):
        return RenamedFile(
            f"文件的扩展名是 .{extension}，内容却是{FOREIGN.get(detail, '其他类型的文件')}。"
            "请用 Excel 或 WPS 打开，「另存为」.xlsx 后再上传；只改文件名没有用。"
        )
    kind = FOREIGN.get(detail, "其他类型的文件")
    return NotSpreadsheet(f"这个文件是{kind}，不是电子表格。请上传 .xlsx、.xls 或 .csv 文件。")


def notes(kind: str, extension: str) -> tuple[str, ...]:
    """A spreadsheet under another spreadsheet's name is read by its content, and that is said."""
    if kind == "csv" and extension not in TEXT_EXTENSIONS:
        raise refusal("foreign", "csv", extension)
    if kind in ("xlsx", "xls") and extension not in OWN_NAMES[kind]:
        return (f"文件扩展名是 .{extension}，实际内容是 .{kind} 表格，已按实际内容读取。",)
    return ()
