"""The words and sentences of the built-in sample, written for this project.

A domain is a set of questions about two things, `first` and `second`: every frame asks the same
question of them in other words. A concept is two forms of the same meaning. Within one column of
forms characters may repeat; a character of one column never stands in the other, because the
overlap of two forms would then tell whether they are of one concept.
"""

from dataclasses import dataclass

Concept = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One kind of question.

    Attributes:
        name: Names the domain in tests.
        first: Concepts that may stand for `{first}`.
        second: Concepts that may stand for `{second}`.
        frames: Sentences with `{first}` and `{second}`, all of one meaning.
        openings: What may stand before a frame; the empty one is a frame alone.
    """

    name: str
    first: tuple[Concept, ...]
    second: tuple[Concept, ...]
    frames: tuple[str, ...]
    openings: tuple[str, ...]


DOMAINS = (
    Domain(
        name="cooking",
        first=(
            ("番茄", "西红柿"),
            ("土豆", "马铃薯"),
            ("地瓜", "红薯"),
            ("玉米", "苞谷"),
            ("菠萝", "凤梨"),
            ("香菜", "芫荽"),
            ("猕猴桃", "奇异果"),
            ("樱桃", "车厘子"),
        ),
        second=(
            ("保存", "储藏"),
            ("清洗", "弄干净"),
            ("切碎", "剁成丁"),
            ("种植", "栽培"),
            ("烹饪", "做成菜"),
        ),
        frames=(
            "怎么{second}{first}？",
            "{first}如何{second}？",
            "请问{first}要怎样{second}才好？",
            "{second}{first}有什么窍门？",
            "谁能教我{second}{first}的方法？",
            "想把{first}{second}，该从哪一步做起？",
        ),
        openings=("", "夏天", "在家里", "没有经验，", "一个人住，"),
    ),
    Domain(
        name="phones",
        first=(
            ("影片", "视频"),
            ("照片", "图像"),
            ("文件", "资料"),
            ("聊天记录", "对话历史"),
            ("通讯录", "联系人"),
            ("密码", "口令"),
            ("账号", "用户名"),
            ("软件", "应用程序"),
        ),
        second=(
            ("删除", "清掉"),
            ("恢复", "找回来"),
            ("备份", "拷贝一遍"),
            ("加密", "锁起来"),
            ("共享", "分给别人"),
        ),
        frames=(
            "怎么把{first}{second}？",
            "手机里的{first}如何{second}？",
            "请问{first}要怎样{second}？",
            "我想把{first}{second}，该点哪里？",
            "有没有办法把{first}{second}？",
            "谁知道{first}在哪里{second}？",
        ),
        openings=("", "换了新手机，", "系统升级以后，", "急，", "昨天摔了一次，"),
    ),
    Domain(
        name="travel",
        first=(
            ("宾馆", "酒店"),
            ("的士", "出租车"),
            ("门票", "入场券"),
            ("航班", "飞机"),
            ("导游", "讲解员"),
            ("大巴", "长途客车"),
            ("轮渡", "客船"),
        ),
        second=(
            ("预订", "提前约"),
            ("取消", "退掉"),
            ("投诉", "举报"),
            ("查询", "打听"),
        ),
        frames=(
            "去外地怎么{second}{first}？",
            "{first}要如何{second}？",
            "请问在哪里可以{second}{first}？",
            "{second}{first}需要什么手续？",
            "出门旅游想{second}{first}，应该找谁？",
            "有人知道{first}怎样{second}吗？",
        ),
        openings=("", "国庆节", "第一次出国，", "带着父母，", "时间很紧，"),
    ),
    Domain(
        name="health",
        first=(
            ("感冒", "伤风"),
            ("发烧", "体温高"),
            ("腹泻", "拉肚子"),
            ("失眠", "睡不着"),
            ("疲劳", "没力气"),
            ("肥胖", "体重超标"),
            ("口臭", "嘴里有味"),
            ("抑郁", "心情低落"),
        ),
        second=(
            ("老人", "长辈"),
            ("孩子", "小朋友"),
            ("孕妇", "准妈妈"),
            ("上班族", "公司职员"),
        ),
        frames=(
            "{second}{first}怎么办？",
            "如果{second}{first}，要如何调理？",
            "{second}总是{first}，该想什么办法？",
            "请问{second}{first}该怎样缓解？",
            "{second}最近{first}，应该做些什么？",
            "遇到{second}{first}，怎么处理比较好？",
        ),
        openings=("", "冬天", "医生您好，", "吃药没用，", "不想去医院，"),
    ),
    Domain(
        name="study",
        first=(
            ("书法", "写字"),
            ("编程", "写代码"),
            ("绘画", "美术"),
            ("演讲", "公开发言"),
            ("唱歌", "声乐"),
            ("摄影", "拍照"),
            ("数学", "算术"),
            ("英语", "外文"),
        ),
        second=(
            ("小孩", "儿童"),
            ("老年人", "长辈"),
            ("上班族", "公司职员"),
            ("初学者", "新手"),
            ("女生", "姑娘"),
        ),
        frames=(
            "{second}怎么学好{first}？",
            "{second}想学{first}，该从哪里开始？",
            "请问{second}如何提高{first}水平？",
            "{second}练{first}有什么好方法？",
            "怎样才能教会{second}{first}？",
            "有没有适合{second}的{first}课程？",
        ),
        openings=("", "放假了，", "没有老师，", "时间不多，", "在网上"),
    ),
    Domain(
        name="shopping",
        first=(
            ("毛衣", "针织衫"),
            ("点心", "糕饼"),
            ("洗发水", "香波"),
            ("手机", "移动电话"),
            ("计算机", "电脑"),
            ("围巾", "披肩"),
        ),
        second=(
            ("爸爸", "父亲"),
            ("妈妈", "母亲"),
            ("丈夫", "老公"),
            ("妻子", "老婆"),
        ),
        frames=(
            "给{second}买什么样的{first}好？",
            "想送{second}一份{first}，怎么挑？",
            "{first}哪种适合{second}？",
            "请问{second}喜欢哪个牌子的{first}？",
            "打算为{second}选购{first}，求推荐？",
            "{second}要的{first}应该选哪一款？",
        ),
        openings=("", "过生日，", "预算不多，", "双十一", "在网店里"),
    ),
    Domain(
        name="home",
        first=(
            ("厕所", "卫生间"),
            ("厨房", "灶间"),
            ("客厅", "起居室"),
            ("睡房", "卧室"),
            ("仓库", "储物间"),
        ),
        second=(
            ("打扫", "清理"),
            ("装饰", "美化"),
            ("改造", "翻新"),
            ("通风", "换气"),
            ("防潮", "除湿"),
        ),
        frames=(
            "{first}怎么{second}？",
            "家里的{first}如何{second}才省钱？",
            "请问{first}{second}有什么技巧？",
            "想给{first}{second}，该怎么做？",
            "{first}需要{second}，哪种办法最快？",
            "谁懂{first}{second}的好方法？",
        ),
        openings=("", "刚搬家，", "梅雨季节", "租来的房子，", "周末"),
    ),
    Domain(
        name="work",
        first=(
            ("工资", "薪水"),
            ("合同", "协议"),
            ("辞职", "离开公司"),
            ("请假", "休息几天"),
            ("升职", "晋级"),
            ("奖金", "年底红包"),
        ),
        second=(
            ("老板", "上司"),
            ("经理", "主管"),
            ("同事", "队友"),
        ),
        frames=(
            "怎么跟{second}谈{first}的事？",
            "和{second}商量{first}，如何开口？",
            "请问{first}的事要怎样告诉{second}？",
            "想找{second}说{first}，用什么理由好？",
            "向{second}提{first}有什么技巧？",
            "关于{first}，该怎么对{second}讲？",
        ),
        openings=("", "刚毕业，", "试用期里", "明天开会，", "胆子小，"),
    ),
)
