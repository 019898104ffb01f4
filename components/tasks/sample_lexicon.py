"""The words and sentences of the built-in sample, written for this project.

A question asks how to do one thing (`{action}`) to another (`{thing}`). What tells a pair of equal
meaning from a near miss is the action alone: an `Opposites` is two actions that undo each other,
each with words for question a and other words for question b. No character stands in both of these
columns, else the overlap of two questions would tell whether they mean the same.
"""

from dataclasses import dataclass

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opposites:
    """Two actions that undo each other, e.g. to buy and to sell.

    Attributes:
        more: Words for the action that gets, starts or adds, in two columns of synonyms.
        less: Words for the action that parts with, stops or takes away, in the same two columns.
    """

    more: tuple[Words, Words]
    less: tuple[Words, Words]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One subject of questions.

    Attributes:
        name: Names the subject.
        opposites: The actions that can be asked about.
        things: What can stand for `{thing}`: two names each of the same thing.
        frames: Questions with `{action}` and `{thing}`, all of one meaning.
    """

    name: str
    opposites: Opposites
    things: tuple[tuple[str, str], ...]
    frames: Words


TRADE = Opposites(
    more=(("购买", "选购"), ("入手", "置办")),
    less=(("出售", "卖掉"), ("转让", "脱手")),
)
SWITCH = Opposites(
    more=(("打开", "开通"), ("启用", "激活")),
    less=(("关闭", "关掉"), ("停用", "禁用")),
)
AMOUNT = Opposites(
    more=(("增加", "加大"), ("提高", "上调")),
    less=(("减少", "减小"), ("降低", "下调")),
)

DOMAINS = (
    Domain(
        name="shopping",
        opposites=TRADE,
        things=(
            ("电脑", "计算机"),
            ("手机", "移动电话"),
            ("相机", "照相机"),
            ("家具", "桌椅"),
            ("首饰", "项链"),
            ("毛衣", "针织衫"),
            ("围巾", "披肩"),
            ("电视", "电视机"),
        ),
        frames=(
            "哪里可以{action}{thing}？",
            "怎么{action}{thing}最划算？",
            "想{action}{thing}，找谁好？",
            "{action}{thing}要注意什么？",
        ),
    ),
    Domain(
        name="travel",
        opposites=TRADE,
        things=(
            ("门票", "入场券"),
            ("机票", "飞机票"),
            ("汽车", "轿车"),
            ("单车", "自行车"),
            ("房车", "旅行车"),
            ("帐篷", "露营棚"),
            ("背包", "双肩包"),
            ("行李箱", "拉杆箱"),
        ),
        frames=(
            "出门前怎么{action}{thing}？",
            "{thing}在哪里{action}？",
            "请问{action}{thing}贵不贵？",
            "有必要{action}{thing}吗？",
        ),
    ),
    Domain(
        name="phones",
        opposites=SWITCH,
        things=(
            ("无线网", "WiFi"),
            ("定位", "位置服务"),
            ("消息提醒", "通知"),
            ("自动续费", "自动扣款"),
            ("蓝牙", "蓝牙功能"),
            ("会员", "VIP"),
            ("来电显示", "号码显示"),
            ("夜间模式", "深色模式"),
        ),
        frames=(
            "手机怎么{action}{thing}？",
            "{thing}如何{action}？",
            "请问在哪里{action}{thing}？",
            "{action}{thing}该点哪里？",
        ),
    ),
    Domain(
        name="home",
        opposites=SWITCH,
        things=(
            ("空调", "冷气机"),
            ("暖气", "地暖"),
            ("热水器", "洗澡的热水"),
            ("煤气", "燃气"),
            ("电表", "家里的电"),
            ("水表", "自来水"),
            ("门禁", "楼下的门锁"),
            ("监控", "摄像头"),
        ),
        frames=(
            "家里怎么{action}{thing}？",
            "{thing}要怎样{action}？",
            "谁会{action}{thing}？",
            "{action}{thing}得找物业吗？",
        ),
    ),
    Domain(
        name="health",
        opposites=AMOUNT,
        things=(
            ("体重", "身体的分量"),
            ("运动量", "锻炼强度"),
            ("饭量", "食量"),
            ("血压", "动脉的压力"),
            ("血糖", "血液里的糖"),
            ("药量", "用药剂量"),
            ("心率", "心跳速度"),
            ("睡眠", "睡觉时间"),
        ),
        frames=(
            "怎么{action}{thing}？",
            "老人如何{action}{thing}？",
            "医生，{thing}怎样{action}？",
            "需要{action}{thing}吗？",
        ),
    ),
    Domain(
        name="cooking",
        opposites=AMOUNT,
        things=(
            ("火力", "火候"),
            ("甜度", "糖分"),
            ("盐分", "咸度"),
            ("辣味", "辣度"),
            ("油温", "锅里的温度"),
            ("水量", "汤水"),
            ("酸味", "醋味"),
            ("面粉", "面"),
        ),
        frames=(
            "做菜怎么{action}{thing}？",
            "什么时候{action}{thing}？",
            "{thing}如何{action}才好吃？",
            "{action}{thing}有窍门吗？",
        ),
    ),
    Domain(
        name="study",
        opposites=AMOUNT,
        things=(
            ("难度", "题目深浅"),
            ("作业", "功课"),
            ("学费", "上课的费用"),
            ("课时", "上课时间"),
            ("词汇量", "生词数量"),
            ("考试次数", "测验"),
            ("压力", "负担"),
            ("招生人数", "录取名额"),
        ),
        frames=(
            "学校怎么{action}{thing}？",
            "该不该{action}{thing}？",
            "{thing}怎样{action}合适？",
            "老师，{action}{thing}行吗？",
        ),
    ),
)
